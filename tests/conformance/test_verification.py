"""Verification of installed plugins and of wheels: what is checked, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.package_mutants import replaced
from conformance.specimen import (
    PACKAGE,
    Files,
    importable,
    sound,
    unpack,
    with_record,
    with_weights,
    write_wheel,
)
from zoo_core.conformance.cases import subject_of
from zoo_core.conformance.result import Status
from zoo_core.conformance.selection import Selection, Verified
from zoo_core.conformance.verification import verify, verify_wheel
from zoo_core.errors import PluginError, UnknownNameError

NAME, MODEL = "zoo-plugin-specimen", "specimen/logistic"
LOGISTIC = f"{PACKAGE}/logistic.py"
SAMPLED = "samples-are-rows-of-the-space"
FEW = Selection(
    checks=frozenset({"classes-are-what-the-file-says", "modules-are-its-own", SAMPLED})
)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return with_weights(sound(), tmp_path_factory.mktemp("specimen"))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own; and no model of an earlier test's plugin of the same name."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    subject_of.cache_clear()


def failed(found: list[Verified]) -> set[tuple[str, str]]:
    return {(s, r.name) for s, r in found if r.status is Status.FAILED}


def test_an_installed_plugin_is_checked_by_either_name(files: Files, tmp_path: Path) -> None:
    one = Selection(checks=frozenset({"weights-match"}))
    models = Selection(models="*/logis*", checks=FEW.checks)
    unpack(with_record(files), tmp_path / "site")
    with importable(tmp_path / "site"):
        found = [verified for name in ("specimen", NAME) for verified in verify(name, one)]
        sampled = list(verify(NAME, models))
    passed = Status.PASSED
    assert [(s, r.name, r.status) for s, r in found] == 2 * [(NAME, "weights-match", passed)]
    assert [(s, r.name, r.status) for s, r in sampled] == [(MODEL, SAMPLED, passed)]


def test_a_wheel_is_what_is_checked_not_an_installed_copy(files: Files, tmp_path: Path) -> None:
    """The installed copy samples well; the wheel doesn't."""
    broken = dict(files)
    replaced(LOGISTIC, "u.logit()", "u.logits()")(broken)
    wheel = write_wheel(broken, tmp_path)
    unpack(with_record(files), tmp_path / "site")
    with importable(tmp_path / "site"):
        assert failed(list(verify("specimen", FEW))) == set()
        found = list(verify_wheel(wheel, FEW))
    assert failed(found) == {(MODEL, SAMPLED)}
    assert {one.result.name for one in found} == FEW.checks


def test_two_processes_check_what_one_does() -> None:
    few = Selection(checks=frozenset({"a-copy-stands-alone", "the-state-is-tensors-alone"}))
    one = sorted(map(_known, verify("core", few)))
    assert sorted(map(_known, verify("core", few, jobs=2))) == one
    assert {subject for subject, *_ in one} == {"core/label", "core/vector"}


def _known(one: Verified) -> tuple[str, str, str]:
    return one.subject, one.result.name, one.result.status


def test_a_class_that_is_not_importable_is_a_failure(files: Files, tmp_path: Path) -> None:
    spoiled = dict(files)
    replaced(LOGISTIC, "import torch\n", "import torchh\n")(spoiled)
    unpack(with_record(spoiled), tmp_path / "site")
    with importable(tmp_path / "site"):
        found = failed(list(verify("specimen", FEW)))
    assert {(NAME, "classes-are-what-the-file-says"), (MODEL, "builds-and-trains")} <= found


def test_a_process_that_dies_is_a_failure(files: Files, tmp_path: Path) -> None:
    spoiled = dict(files)
    replaced(LOGISTIC, "import torch\n", "import os, torch\nos._exit(9)\n")(spoiled)
    found = failed(list(verify_wheel(write_wheel(spoiled, tmp_path), FEW)))
    assert (NAME, "process-survives") in found


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="installed"):
        list(verify("nothing"))
    with pytest.raises(UnknownNameError, match="Did you mean weights-match"):
        list(verify("flows", Selection(checks=frozenset({"weights-mach"}))))
    with pytest.raises(PluginError, match="is a wheel"):
        list(verify_wheel(tmp_path / "none.whl"))
