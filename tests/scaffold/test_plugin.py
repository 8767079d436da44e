"""The plugin that is made works: every promise, its tests, its recipe, its README."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

import zoo_core as zoo
from blocks import blocks
from scaffold.fixtures import run_zoo
from zoo_core.conformance import Status
from zoo_core.conformance.promises import promises
from zoo_core.errors import ConfigError, DefinitionError


def test_every_promise_is_kept(mine: Path) -> None:
    found = list(promises("mine/*"))
    assert {promise.case.name for promise in found} == {"mine/gaussian", "mine/gaussian[label]"}
    results = [promise.result() for promise in found]
    assert [str(r) for r in results if r.status not in (Status.PASSED, Status.SKIPPED)] == []


def test_its_own_tests_pass(mine: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_gaussian.py"]
    environment = {**os.environ, "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    done = subprocess.run(
        command, cwd=mine, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout


def test_its_recipe_gives_the_entropy_of_its_data(mine: Path) -> None:
    """A Gaussian for each of eight is the true model, so that NLL is H(x | label)."""
    text = (mine / "src/zoo_plugin_mine/recipes/eight-gaussians.yaml").read_text("utf-8")
    (figure,) = yaml.safe_load(text)["metrics"]
    std = zoo.create("data/eight-gaussians").config.std
    entropy = 1 + math.log(2 * math.pi * std**2)
    assert abs(figure["value"] - entropy) < 4 * figure["standard_error"]


def test_its_readme_is_true(mine: Path) -> None:
    shown = blocks(str(mine / "README.md"))
    assert [block.language for block in shown] == ["python", "console"]
    names: dict[str, torch.Tensor] = {}
    exec(shown[0].text, names)
    assert names["x"].shape == (5, 2) and names["log_p"].shape == (5,)
    for command in shown[1].commands:
        run_zoo(command)


def test_the_model_is_of_real_arrays(mine: Path) -> None:
    for space in (zoo.Space.unit(2), zoo.Space.real(2, missing=True)):
        with pytest.raises(ConfigError, match="model of real arrays"):
            zoo.create("mine/gaussian", space=space)
    with pytest.raises(DefinitionError, match="Codes are made real numbers"):
        zoo.create("mine/gaussian", space=zoo.Space.binary(2))


def test_any_shape_is_modelled(mine: Path) -> None:
    for shape in ((), (3,), (2, 4, 5)):
        model = zoo.create("mine/gaussian", space=zoo.Space.real(*shape))
        x = model.sample(7, rng=zoo.rng(0))
        assert x.shape == (7, *shape)
        expected = torch.distributions.Normal(0.0, 1.0).log_prob(x).reshape(7, -1).sum(1)
        torch.testing.assert_close(model.log_prob(x), expected)
