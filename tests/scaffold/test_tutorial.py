"""The tutorial: it shows what is there, and what it says works in its order."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import zoo_core as zoo
from blocks import ROOT, blocks
from registry.sites import Site
from scaffold.fixtures import install, run_zoo
from zoo_core.conformance import Status
from zoo_core.conformance.promises import promises

PAGE = "docs/write-a-plugin.md"
LAPLACE = ROOT / "docs" / "examples" / "write-a-plugin"


def test_it_shows_the_template_and_what_the_kit_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "tutorial.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_commands_work_in_their_order(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What installs, builds and verifies is run by scripts/try_template, from the wheels."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "zoo-plugin-mine"
    commands = [command for block in blocks(PAGE) for command in block.commands]
    ours = [c for c in commands if c.startswith("zoo ") and "verify" not in c]
    assert len(ours) == 5
    for command in commands:
        if command == "cd zoo-plugin-mine":
            _add_laplace(folder / "src" / "zoo_plugin_mine")
            install(folder, monkeypatch)
        elif command in ours:
            run_zoo(command)


def test_the_changed_model_is_right(mine: Path) -> None:
    _add_laplace(mine / "src" / "zoo_plugin_mine")
    model = zoo.create("mine/laplace", space=zoo.Space.real(3))
    x = model.sample(5, rng=zoo.rng(0))
    expected = torch.distributions.Laplace(0.0, 1.0).log_prob(x).sum(1)
    torch.testing.assert_close(model.log_prob(x), expected)
    results = [promise.result() for promise in promises("mine/laplace")]
    assert [str(r) for r in results if r.status not in (Status.PASSED, Status.SKIPPED)] == []


def _add_laplace(package: Path) -> None:
    shutil.copy(LAPLACE / "laplace.py", package)
    with (package / "registry.yaml").open("a", encoding="utf-8") as file:
        file.write((LAPLACE / "laplace.yaml").read_text("utf-8"))
