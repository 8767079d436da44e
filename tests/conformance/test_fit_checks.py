"""Checks of fits where no trainer is installed."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.mutants_fit import SoundClosedForm, SoundTrained
from zoo_core.conformance.checks import fit
from zoo_core.conformance.result import Status
from zoo_core.conformance.running import run_check
from zoo_core.conformance.subject import Subject
from zoo_core.errors import PluginMissingError


def no_trainer(model: Any, request: Any) -> None:
    raise PluginMissingError("Training needs a trainer", remedy="pip install zoo-plugin-training")


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_core.interfaces.late.train", no_trainer)


@pytest.mark.usefixtures("untrained")
def test_without_a_trainer_the_checks_are_skipped_and_name_the_package() -> None:
    check = fit.fitting_improves_the_held_out_figure
    result = run_check(check, Subject(SoundTrained.create(), seed=0), expected=None, api=0)
    assert result.status is Status.SKIPPED
    assert "zoo-plugin-training" in result.reason


@pytest.mark.usefixtures("untrained")
def test_a_fit_of_its_own_needs_no_trainer() -> None:
    check = fit.fitting_improves_the_held_out_figure
    result = run_check(check, Subject(SoundClosedForm.create(), seed=0), expected=None, api=0)
    assert result.status is Status.PASSED
