"""Every code block of the README does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)
COMMANDS = [
    line.removeprefix("$ ").strip()
    for language, text in BLOCKS
    if language == "console"
    for line in text.splitlines()
]

_ZOO = "from zoo_core.cli import main; main()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def _run(arguments: list[str], folder: Path) -> str:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_only_known_kinds_of_blocks_stand_there() -> None:
    assert {language for language, _ in BLOCKS} <= {"python", "console"}


def test_the_python_blocks_run_one_after_another(folder: Path) -> None:
    script = folder / "readme.py"
    script.write_text("\n".join(t for language, t in BLOCKS if language == "python"), "utf-8")
    assert "lower-bound" in _run([sys.executable, str(script)], folder)


def test_the_zoo_commands_run_in_their_order(folder: Path) -> None:
    for command in COMMANDS:
        if command.startswith("zoo "):
            assert _run([sys.executable, "-c", _ZOO, *command.split()[1:]], folder)
    assert (folder / "sevens.png").exists()


def test_the_make_targets_and_the_distributions_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    projects = [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    names = {tomllib.loads(path.read_text("utf-8"))["project"]["name"] for path in projects}
    for command in COMMANDS:
        program, *arguments = command.split()
        if program == "make":
            assert all(re.search(rf"^{target}:", makefile, re.M) for target in arguments)
        elif program == "pip":
            assert arguments[0] == "install"
            assert set(arguments[1:]) <= names
        else:
            assert program == "zoo"
