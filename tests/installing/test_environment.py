"""Environments that another tool manages are left alone, with what to run instead."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from zoo_core.errors import InstallationError
from zoo_core.installing import Action, Environment

MINE = ["zoo-plugin-mine"]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A virtual environment's folders, empty."""
    folders = [tmp_path / name for name in ("zoo-core", "base", "stdlib", "packages")]
    for folder in folders:
        folder.mkdir()
    return Environment(*folders)


def refusal(environment: Environment, action: Action = Action.INSTALL) -> str:
    with pytest.raises(InstallationError) as caught:
        environment.check(action, MINE)
    return str(caught.value)


def test_a_virtual_environment_is_the_users(environment: Environment) -> None:
    (environment.stdlib / "EXTERNALLY-MANAGED").touch()
    environment.check(Action.INSTALL, MINE)
    environment.check(Action.UNINSTALL, MINE)
    assert environment.remarks() == []


def test_a_managed_interpreter_is_not(environment: Environment) -> None:
    (environment.stdlib / "EXTERNALLY-MANAGED").touch()
    system = replace(environment, prefix=environment.base)
    told = refusal(system)
    assert str(environment.stdlib / "EXTERNALLY-MANAGED") in told
    assert "python3 -m venv zoo-env" in told and "pip install zoo-core zoo-plugin-mine" in told


def test_a_missing_folder_is_not_written(environment: Environment) -> None:
    environment.packages.rmdir()
    assert "not yours to write" in refusal(environment)


def test_pipx_installs_into_its_own(environment: Environment) -> None:
    (environment.prefix / "pipx_metadata.json").touch()
    assert "Run instead: pipx inject zoo-core zoo-plugin-mine" in refusal(environment)
    told = refusal(environment, Action.UNINSTALL)
    assert "Run instead: pipx uninject zoo-core zoo-plugin-mine" in told


def test_a_tool_of_uv_is_made_anew_with_the_plugins_it_has(environment: Environment) -> None:
    (environment.prefix / "uv-receipt.toml").touch()
    told = refusal(environment)
    assert "uv tool install zoo-core" in told
    assert "--with zoo-plugin-flows" in told and "--with zoo-plugin-mine" in told
    with pytest.raises(InstallationError) as caught:
        environment.check(Action.UNINSTALL, ["zoo-plugin-flows"])
    assert "--with zoo-plugin-flows" not in str(caught.value)
    assert "--with zoo-plugin-data" in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="folders of Windows have no such bits")
@pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_not(environment: Environment) -> None:
    environment.packages.chmod(0o500)
    assert "not yours to write" in refusal(environment)


def test_conda_is_remarked(environment: Environment) -> None:
    (environment.prefix / "conda-meta").mkdir()
    environment.check(Action.INSTALL, MINE)
    (remark,) = environment.remarks()
    assert "conda" in remark


def test_this_environment_is_found() -> None:
    here = Environment.here()
    assert (here.stdlib / "os.py").is_file()
    assert here.prefix.is_dir() and here.packages.is_dir()
