"""The checks of packages: silent on a sound wheel, and each wheel that is spoiled is caught."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.package_mutants import MUTANTS, PackageMutant
from conformance.specimen import (
    PACKAGE,
    Files,
    importable,
    sound,
    with_weights,
    write_wheel,
)
from zoo_core.conformance.package import Package, installed, package_checks, unpacked
from zoo_core.conformance.package.wheel import unpacking
from zoo_core.conformance.result import Status
from zoo_core.conformance.running import run_check, run_checks
from zoo_core.errors import PluginError, UnknownNameError

CHECKS = {check.name: check for check in package_checks()}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return with_weights(sound(), tmp_path_factory.mktemp("specimen"))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


@contextmanager
def packaged(files: Files, folder: Path) -> Iterator[Package]:
    """Build a wheel, unpack it, and let it be found first."""
    with unpacking(write_wheel(files, folder)) as place:
        package = unpacked(place)
        with importable(place):
            yield package


def test_a_sound_wheel_keeps_every_promise(files: Files, tmp_path: Path) -> None:
    with packaged(files, tmp_path) as package:
        found = list(run_checks(package_checks(), package, expected_failures={}, api=0))
    assert [str(result) for result in found if result.status is not Status.PASSED] == []
    assert [result.name for result in found] == list(CHECKS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_spoiled_wheel_is_caught(mutant: PackageMutant, files: Files, tmp_path: Path) -> None:
    spoiled = dict(files)
    mutant.spoil(spoiled)
    with packaged(spoiled, tmp_path) as package:
        result = run_check(CHECKS[mutant.caught_by], package, expected=None, api=0)
    assert result.status is Status.FAILED, str(result)
    assert mutant.told in result.reason


def test_every_check_has_a_mutant() -> None:
    by_hand = {"modules-are-its-own"}
    assert {mutant.caught_by for mutant in MUTANTS} | by_hand == set(CHECKS)


def test_another_copy_is_noticed(files: Files, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with packaged(files, tmp_path) as package, packaged(files, other):
        CHECKS["classes-are-what-the-file-says"].run(package)
        result = run_check(CHECKS["modules-are-its-own"], package, expected=None, api=0)
    assert result.status is Status.FAILED
    assert f"{PACKAGE}.logistic from" in result.reason


def test_every_check_says_what_it_proves() -> None:
    for check in CHECKS.values():
        assert check.summary.endswith("."), check.name
        assert check.claimed.__doc__


def test_an_editable_installation_has_the_files_of_its_tree() -> None:
    package = installed("zoo-plugin-flows")
    assert not package.built
    assert "zoo_plugin_flows/registry.yaml" in package.files
    assert not [name for name in package.files if "__pycache__" in name]


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.whl"
    path.write_bytes(b"no zip")
    with pytest.raises(PluginError, match="is a wheel, which is a zip file"), unpacking(path):
        pass
    with unpacking(write_wheel({}, tmp_path)) as folder, pytest.raises(PluginError, match="none"):
        unpacked(folder / "nowhere")
    with pytest.raises(UnknownNameError, match="none that is installed"):
        installed("zoo-plugin-that-is-not-there")


@pytest.mark.parametrize("name", ["../outside.py", "/outside.py", "C:/outside.py", "a\\b.py"])
def test_a_wheel_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    wheel = write_wheel({name: b""}, tmp_path)
    with pytest.raises(PluginError, match="stays inside"), unpacking(wheel):
        pass
