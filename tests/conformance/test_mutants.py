"""Every broken model is caught by the check that is meant to catch it, and its sound twin isn't."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from conformance.mutant import Mutant
from zoo_core.conformance.catalogue import model_checks
from zoo_core.conformance.check import Check
from zoo_core.conformance.result import CheckResult, Status
from zoo_core.conformance.running import run_check
from zoo_core.conformance.subject import Subject
from zoo_core.interfaces.model import Model

TABLES = sorted(path.stem for path in Path(__file__).parent.glob("mutants_*.py"))
MUTANTS: list[Mutant] = [
    mutant for table in TABLES for mutant in importlib.import_module(f"conformance.{table}").MUTANTS
]
CHECKS: dict[str, Check[Subject]] = {check.name: check for check in model_checks()}


def outcome(model: Model, name: str) -> CheckResult:
    check, subject = CHECKS[name], Subject(model, seed=0)
    assert check.claimed(subject), f"{name} isn't claimed"
    return run_check(check, subject, expected=None, api=0)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_broken_model_is_caught(mutant: Mutant) -> None:
    result = outcome(mutant.broken(), mutant.caught_by)
    assert result.status is Status.FAILED, str(result)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_its_sound_twin_is_not(mutant: Mutant) -> None:
    result = outcome(mutant.sound(), mutant.caught_by)
    assert result.status is Status.PASSED, str(result)
