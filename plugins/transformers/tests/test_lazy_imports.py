"""What has no need of transformers doesn't import it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.loopback import LoopbackHub

CLI = """
from zoo_core.cli import main
sys.argv = ["zoo", *{arguments!r}]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""


def imported(program: str) -> set[str]:
    """Run a program; give the libraries that it has imported of those that are slow to import."""
    asked = "('torch', 'transformers', 'tokenizers', 'diffusers')"
    ending = f"import sys as s; print('\\n', *[n for n in {asked} if n in s.modules])"
    text = f"import sys\n{program}\n{ending}"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments", [["list"], ["plugins"], ["list", "transformers/*"], ["info", "transformers/clip"]]
)
def test_what_only_lists(arguments: list[str]) -> None:
    assert not imported(CLI.format(arguments=arguments))


def test_a_flow() -> None:
    program = "import zoo_core as zoo; zoo.load('flows/nsf-moons').sample(2)"
    assert imported(program) == {"torch"}


def test_importing_the_plugin() -> None:
    program = "import zoo_plugin_transformers.hooks, zoo_plugin_transformers.claim"
    assert not imported(program) & {"transformers", "tokenizers", "diffusers"}


def test_pulling(hub: LoopbackHub, serve: Callable[[str], str], home: Path) -> None:
    assert not imported(CLI.format(arguments=["pull", serve("gpt2")]))
    assert any("model.safetensors" in request.path for request in hub.requests)
