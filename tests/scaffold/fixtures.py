"""Plugins made by the scaffold."""

from __future__ import annotations

import os
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path

import hatchling.build
import pytest
from click.testing import CliRunner

from registry.sites import REPOSITORY
from zoo_core.cli.root import zoo
from zoo_core.scaffold import DEFAULT_SUMMARY, License, PluginName, make_repository

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a plugin's repository in an empty folder."""

    def made(
        name: str = "zoo-plugin-mine",
        author: str = "Ada Lovelace",
        license: License = License.APACHE,
        summary: str = DEFAULT_SUMMARY,
    ) -> Path:
        parent = tmp_path / "made"
        parent.mkdir(exist_ok=True)
        return make_repository(
            PluginName.of(name), parent, author=author, license=license, summary=summary
        )

    return made


@pytest.fixture
def mine(make: Make, site: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository of a new zoo-plugin-mine, installed so that its files stay where they are."""
    del site  # Gives a home of its own, and forgets the imported package afterwards.
    folder = make()
    install(folder, monkeypatch)
    return folder


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a repository: the metadata of its wheel beside its package, and that on the path."""
    monkeypatch.chdir(folder)
    wheel = folder / "dist" / hatchling.build.build_wheel("dist")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" in name]
        archive.extractall(folder / "src", names)
    monkeypatch.syspath_prepend(str(folder / "src"))
    paths = os.pathsep.join([str(folder / "src"), str(REPOSITORY)])
    monkeypatch.setenv("PYTHONPATH", paths)


def run_zoo(command: str) -> str:
    """Run a `zoo …` command in this process; give what it printed."""
    result = CliRunner().invoke(zoo, shlex.split(command)[1:])
    assert result.exit_code == 0, f"{command}\n{result.output}"
    return result.stdout
