"""The commands of pip and of uv."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import pytest

from zoo_core.errors import InstallationError
from zoo_core.installing import Installer, Options, run

OPTIONS = Options(("c.txt",), ("wheels", "more"), no_index=True, upgrade=True)
WORDS = [
    "--constraint",
    "c.txt",
    "--find-links",
    "wheels",
    "--find-links",
    "more",
    "--no-index",
    "--upgrade",
]


def without_pip(monkeypatch: pytest.MonkeyPatch, uv: str | None) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pip" else find_spec(name)
    )
    monkeypatch.setattr(shutil, "which", lambda name, path=None: uv)


def test_pip_of_this_interpreter_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    installer = Installer.found()
    start = [sys.executable, "-m", "pip"]
    assert installer.install(["a"], Options()) == [*start, "install", "a"]
    assert installer.install(["a", "b"], OPTIONS) == [*start, "install", *WORDS, "a", "b"]
    assert installer.uninstall(["a"]) == [*start, "uninstall", "--yes", "a"]


def test_uv_is_told_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    without_pip(monkeypatch, "/bin/uv")
    installer = Installer.found()
    target = ["--python", sys.executable]
    assert installer.install(["a"], OPTIONS) == ["/bin/uv", "pip", "install", *target, *WORDS, "a"]
    assert installer.uninstall(["a"]) == ["/bin/uv", "pip", "uninstall", *target, "a"]


def test_without_either_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    without_pip(monkeypatch, None)
    with pytest.raises(InstallationError, match="ensurepip"):
        Installer.found()


def test_run_gives_the_exit_status() -> None:
    assert run([sys.executable, "-c", "raise SystemExit(3)"]) == 3
