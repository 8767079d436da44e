"""The plugin that is made works: every promise, its tests, its recipe, its README."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

import zoo_core as zoo
from blocks import run_page
from registry.sites import Site
from scaffold.fixtures import Make
from zoo_core.conformance import Status
from zoo_core.conformance.promises import promises
from zoo_core.errors import ConfigError


def test_every_promise_is_kept(mine: Path) -> None:
    results = [promise.result() for promise in promises("mine/*")]
    assert len(results) > 20
    broken = [str(r) for r in results if r.status not in (Status.PASSED, Status.SKIPPED)]
    assert broken == []


def test_its_own_tests_pass(mine: Path, site: Site, make: Make) -> None:
    tests = mine.parents[1] / "made" / "zoo-plugin-mine"
    environment = site.environment(PYTEST_ADDOPTS="-p no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_gaussian.py"]
    done = subprocess.run(
        command, cwd=tests, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout


def test_its_recipe_gives_the_entropy_of_its_data(mine: Path) -> None:
    """A Gaussian for each of eight is the true model, so that NLL is H(x | label)."""
    recipe = yaml.safe_load((mine / "recipes" / "eight-gaussians.yaml").read_text("utf-8"))
    (figure,) = recipe["metrics"]
    std = zoo.create("data/eight-gaussians").config.std
    entropy = 1 + math.log(2 * math.pi * std**2)
    assert abs(figure["value"] - entropy) < 4 * figure["standard_error"]


def test_its_readme_is_true(mine: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in site.environment().items():
        monkeypatch.setenv(name, value)
    readme = mine.parents[1] / "made" / "zoo-plugin-mine" / "README.md"
    run_page(str(readme), mine.parent)


def test_the_model_is_of_real_arrays(mine: Path) -> None:
    for space in (zoo.Space.binary(2), zoo.Space.unit(2), zoo.Space.real(2, missing=True)):
        with pytest.raises(ConfigError, match="a model of real arrays"):
            zoo.create("mine/gaussian", space=space)


def test_any_shape_is_modelled(mine: Path) -> None:
    for shape in ((), (3,), (2, 4, 5)):
        model = zoo.create("mine/gaussian", space=zoo.Space.real(*shape))
        x = model.sample(7, rng=zoo.rng(0))
        assert x.shape == (7, *shape)
        expected = torch.distributions.Normal(0.0, 1.0).log_prob(x).reshape(7, -1).sum(1)
        torch.testing.assert_close(model.log_prob(x), expected)
