"""install, uninstall, freeze and restore: the command that would run, and what is said of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result

from conformance.specimen import sound, write_wheel
from registry.sites import REPOSITORY, Site, registry_file
from zoo_core import installing
from zoo_core.cli import installed_plugins
from zoo_core.installing import Environment, Installer

Run = Callable[..., Result]
Commands = list[list[str]]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Commands:
    """Commands that were run, by nobody, in an environment that may be changed."""
    ran: Commands = []

    def run(command: Sequence[str]) -> int:
        ran.append(list(command))
        return 0

    folder = tmp_path / "environment"
    folder.mkdir()
    here = Environment(folder, tmp_path, tmp_path, folder)
    monkeypatch.setattr(installing, "run", run)
    monkeypatch.setattr(Environment, "here", classmethod(lambda cls: here))
    monkeypatch.setattr(Installer, "found", classmethod(lambda cls: cls(("pip",))))
    return ran


@pytest.fixture
def zoo(site: Site, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `zoo` where the plugins birds, with two models, and broken are installed."""
    site.plugin("birds", registry_file("birds", models=2))
    site.plugin("broken", "schema: [")
    monkeypatch.syspath_prepend(site.folder)
    return run


@pytest.mark.parametrize("name", ["verify", "install", "uninstall", "freeze", "restore"])
def test_each_command_has_help_with_an_example(run: Run, name: str) -> None:
    done = run("plugins", name, "--help")
    assert done.exit_code == 0
    assert installed_plugins.COMMANDS[name].help in done.stdout
    assert f"Examples:\n  zoo plugins {name}" in done.stdout


def test_install_shows_its_command_and_runs_it(zoo: Run, commands: Commands) -> None:
    Path("c.txt").touch()
    done = zoo(
        "plugins", "install", "zoo-plugin-birds>=1", "-c", "c.txt", "--find-links", "w", "-U"
    )
    assert done.exit_code == 0, done.output
    words = [
        "pip",
        "install",
        "--constraint",
        "c.txt",
        "--find-links",
        "w",
        "--upgrade",
        "zoo-plugin-birds>=1",
    ]
    assert commands == [words]
    assert f"runs: {shlex.join(words)}" in done.stderr


def test_a_dry_run_runs_nothing(zoo: Run, commands: Commands) -> None:
    assert (
        zoo("plugins", "install", "flows", "--dry-run").stdout == "pip install zoo-plugin-flows\n"
    )
    done = zoo("plugins", "uninstall", "birds", "--dry-run")
    assert done.stdout == "pip uninstall zoo-plugin-birds\n"
    assert commands == []


def test_an_installed_plugin_that_cannot_be_used_is_told(zoo: Run, commands: Commands) -> None:
    done = zoo("plugins", "install", "zoo-plugin-broken", "--yes")
    assert done.exit_code == 1
    assert "zoo-plugin-broken is installed, but broken" in done.stderr
    done = zoo("plugins", "install", "zoo-plugin-that-brings-none", "--yes")
    assert (done.exit_code, len(commands)) == (1, 2)
    assert "it brings no plugin" in done.stderr


def test_a_failure_of_the_installer_is_told(
    zoo: Run, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "run", lambda command: 7)
    done = zoo("plugins", "install", "flows", "--yes")
    assert done.exit_code == 1
    assert "ended with 7" in done.stderr


@pytest.mark.parametrize(("answer", "ran"), [("y\n", 1), ("\n", 1), ("n\n", 0)])
def test_a_person_is_asked(
    zoo: Run, commands: Commands, monkeypatch: pytest.MonkeyPatch, answer: str, ran: int
) -> None:
    from zoo_core.cli import installations

    monkeypatch.setattr(installations, "in_person", lambda: True)
    done = zoo("plugins", "uninstall", "birds", stdin=answer)
    assert len(commands) == ran
    assert done.exit_code == (0 if ran else 130)
    assert zoo("plugins", "uninstall", "birds", "--yes").exit_code == 0
    assert len(commands) == ran + 1


def test_uninstall_names_what_goes_away(zoo: Run, commands: Commands) -> None:
    done = zoo("plugins", "uninstall", "birds", "zoo-plugin-broken")
    assert done.exit_code == 0
    assert "models that go away: birds/model-0, birds/model-1." in done.stderr
    assert "architectures that go away: birds/arch-0." in done.stderr
    assert commands == [["pip", "uninstall", "zoo-plugin-birds", "zoo-plugin-broken"]]


@pytest.mark.parametrize(
    "args",
    [("uninstall", "core"), ("uninstall", "torch"), ("install", "core"), ("install", "torch")],
)
def test_only_plugins_come_and_go(zoo: Run, commands: Commands, args: tuple[str, str]) -> None:
    assert zoo("plugins", *args, "--yes").exit_code == 2
    assert commands == []


def test_an_environment_of_another_tool_is_left_alone(zoo: Run, commands: Commands) -> None:
    (Environment.here().prefix / "pipx_metadata.json").touch()
    for args in (("install", "flows"), ("uninstall", "birds"), ("install", "flows", "--dry-run")):
        done = zoo("plugins", *args)
        assert done.exit_code == 2
        assert "Run instead: pipx" in done.stderr
    assert commands == []


def test_freeze_and_restore(zoo: Run, commands: Commands) -> None:
    assert zoo("plugins", "freeze", "plugins.txt").exit_code == 0
    text = Path("plugins.txt").read_text(encoding="utf-8")
    assert zoo("plugins", "freeze").stdout == text
    Path("two.txt").write_text("zoo-plugin-birds==1.0\n", encoding="utf-8")
    assert zoo("plugins", "restore", "two.txt", "--no-index", "--yes").exit_code == 0
    assert commands == [["pip", "install", "--no-index", "zoo-plugin-birds==1.0"]]
    Path("two.txt").write_text("zoo-plugin-birds>=1.0\n", encoding="utf-8")
    done = zoo("plugins", "restore", "two.txt")
    assert (done.exit_code, len(commands)) == (2, 1)
    assert "two.txt:1" in done.stderr


def test_a_wheel_comes_goes_and_comes_back(tmp_path: Path) -> None:
    """For once with pip, in an environment of its own that sees this one's packages."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (packages,) = folder.rglob("site-packages")
    lines = [REPOSITORY, *(path for path in sys.path if path.endswith("site-packages"))]
    (packages / "here.pth").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    write_wheel(sound(), tmp_path)
    place = ("--no-index", "--find-links", str(tmp_path), "--yes")

    def zoo(*args: str) -> str:
        done = subprocess.run(
            [python, "-m", "zoo_core.cli", "plugins", *args],
            env={**os.environ, "ZOO_HOME": str(tmp_path / "home"), "PIP_NO_COMPILE": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    zoo("install", "zoo-plugin-specimen", *place)
    assert "specimen\tok\tzoo-plugin-specimen\t0.1.0" in zoo()
    zoo("freeze", str(tmp_path / "plugins.txt"))
    zoo("uninstall", "specimen", "--yes")
    assert "specimen" not in zoo()
    zoo("restore", str(tmp_path / "plugins.txt"), *place)
    assert "specimen\tok\tzoo-plugin-specimen\t0.1.0" in zoo()
