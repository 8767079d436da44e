"""Every code block of the README does what it says."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from blocks import ROOT, blocks, run, run_zoo

BLOCKS = blocks("README.md")
COMMANDS = [c for block in BLOCKS if block.language == "console" for c in block.commands]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def test_only_known_kinds_of_blocks_stand_there() -> None:
    assert {block.language for block in BLOCKS} <= {"python", "console"}


def test_the_python_blocks_run_one_after_another(folder: Path) -> None:
    script = folder / "readme.py"
    script.write_text("\n".join(b.text for b in BLOCKS if b.language == "python"), "utf-8")
    assert "lower-bound" in run([sys.executable, str(script)], folder)


def test_the_zoo_commands_run_in_their_order(folder: Path) -> None:
    for command in COMMANDS:
        if command.startswith("zoo "):
            assert run_zoo(command, folder)
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
