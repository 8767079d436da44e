"""The code blocks of a document, run in the order in which they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ZOO = "from zoo_core.cli import main; main()"


class Block(NamedTuple):
    """A fenced block: its language, its text, and why it is not run, if it is not."""

    language: str
    text: str
    skipped: str

    @property
    def commands(self) -> list[str]:
        """The commands of a console block."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.removeprefix("$ ").strip() for line in lines if line.startswith("$ ")]


def blocks(page: str) -> list[Block]:
    """Give the blocks of a page; `<!-- not run: reason -->` stands above one that is only shown."""
    text = (ROOT / page).read_text("utf-8")
    fence = r"^(?:<!-- not run: ([^\n]+) -->\n+)?```(\w*)\n(.*?)^```"
    return [
        Block(lang, body, why or "") for why, lang, body in re.findall(fence, text, re.M | re.S)
    ]


OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""The environment without a network."""


def run(arguments: list[str], folder: Path, surroundings: Mapping[str, str] = OFFLINE) -> str:
    """Run a program, without a network unless said otherwise; give what it printed."""
    environment = {**os.environ, "PYTHONUTF8": "1", "TERM": "dumb", **surroundings}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{shlex.join(arguments[:4])}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_zoo(command: str, folder: Path, surroundings: Mapping[str, str] = OFFLINE) -> str:
    """Run a `zoo …` command."""
    return run([sys.executable, "-c", ZOO, *shlex.split(command)[1:]], folder, surroundings)


def run_page(page: str, folder: Path, surroundings: Mapping[str, str] = OFFLINE) -> None:
    """Run a page's Python blocks and `zoo` commands in their order.

    Blocks of Python that no command separates are one program; a later one starts afresh.
    """
    program: list[str] = []
    for block in [*blocks(page), Block("console", "", "")]:
        if block.skipped:
            continue
        if block.language == "python":
            program.append(block.text)
        elif block.language in ("console", "shell"):
            if program:
                script = folder / "program.py"
                script.write_text("\n".join(program), "utf-8")
                run([sys.executable, str(script)], folder, surroundings)
                program = []
            for command in block.commands:
                _run_command(command, folder, surroundings)


def _run_command(command: str, folder: Path, surroundings: Mapping[str, str]) -> None:
    """Run what is installed; `pip` and `make` are another test's."""
    program, *arguments = shlex.split(command)
    if program == "zoo":
        run_zoo(command, folder, surroundings)
    elif program == "torchrun":
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        run([*launcher, *arguments], folder, surroundings)
    else:
        assert program in ("pip", "make"), command
