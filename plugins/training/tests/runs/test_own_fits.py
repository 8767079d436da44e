"""Models that fit themselves: all rows, several starts, classes that nobody knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import final

import pytest
import torch
from click.testing import Result

import zoo_core as zoo
from models.classes import GaussianClasses
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_plugin_training.recipe_file import read_recipe

Run = Callable[..., Result]


@final
class StartOptions(zoo.Config):
    """How many starts."""

    restarts: int = 1


@final
class Mean(zoo.DensityModel):
    """A normal of variance 1 that fits its mean, and says from how many starts."""

    architecture = "test/mean"

    @final
    class Config(zoo.Config):
        space: zoo.Space

    def _build(self) -> None:
        self.loc = torch.nn.Parameter(torch.zeros(self.space.shape))

    def _fit(self, request: FitRequest) -> FitReport:
        options = self._options(StartOptions, request.options)
        x = request.data.x
        with torch.no_grad():
            self.loc.copy_(x.mean(0))
        figures = {"step": 3, "loss": float(-self.log_prob(x).mean()), "rows": float(len(x))}
        report = FitReport(3, 0.0, StopReason.CONVERGED, (figures,), figures)
        return FitReport(**{**vars(report), "restarts": options.restarts})

    def _log_prob(self, z: torch.Tensor, call: zoo.Call) -> torch.Tensor:
        return torch.distributions.Normal(self.loc, 1.0).log_prob(z).sum(1)


@pytest.fixture(autouse=True)
def _registered() -> None:
    zoo.register(Mean)
    zoo.register(GaussianClasses)


def train(run: Run, *args: str) -> Result:
    done = run("train", *args)
    assert done.exit_code == 0, done.output
    return done


def test_starts_and_nats_are_told(run: Run) -> None:
    args = ("test/mean", "--data", "blobs", "--out")
    several = train(run, *args, "a", "--fit", "restarts=4").stderr
    assert "3 steps in 0 s (converged), the best of 4 starts; loss" in several
    assert "nats at step 3" in several
    assert "starts" not in train(run, *args, "b").stderr


def test_a_model_is_trained_on_all_rows_where_asked(run: Run) -> None:
    train(run, "test/mean", "--data", "blobs", "--out", "a", "--all-rows")
    (entry,) = map(json.loads, Path("a/metrics.jsonl").read_text().splitlines())
    assert entry["rows"] == 600 and "valid" not in entry
    assert read_recipe(Path("a/recipe.yaml")).data.split == "all"
    train(run, "test/mean", "--data", "blobs", "--out", "b")
    (entry,) = map(json.loads, Path("b/metrics.jsonl").read_text().splitlines())
    assert entry["rows"] == 360
    both = [zoo.load(f"./{name}/model").loc for name in "ab"]
    assert not torch.equal(*both)


def test_figures_of_a_model_of_all_rows_are_those_of_all_rows(run: Run, work: Path) -> None:
    text = "recipe: 1\narchitecture: test/mean\ndata: {name: blobs, split: all}\nseed: 0\n"
    (work / "mean.yaml").write_text(text)
    done = run("reproduce", "mean.yaml", "--update")
    assert done.exit_code == 0, done.output
    recipe = read_recipe(work / "mean.yaml")
    (figure,) = recipe.metrics
    assert (figure.n, figure.split) == (600, "all")
    assert recipe.data.split == "all" and recipe.data.sha256 is not None
    assert run("reproduce", "mean.yaml").exit_code == 0


def test_fresh_draws_of_all_rows_are_refused(run: Run) -> None:
    args = ("test/mean", "--data", "blobs", "--out", "a", "--all-rows", "--draws", "10")
    done = run("train", *args)
    assert done.exit_code == 2 and "draws are fresh rows" in done.stderr


def test_a_model_of_data_and_class_learns_from_rows_of_an_unknown_class(run: Run) -> None:
    args = ("test/gaussian-classes", "--data", "partly", "--condition", "kind", "--out", "a")
    train(run, *args)
    model = zoo.load("./a/model")
    assert isinstance(model, GaussianClasses)
    assert model.config.conditioner.config["missing"] is True
    centres = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    torch.testing.assert_close(model.loc.detach(), centres, atol=0.2, rtol=0)
    assert model.class_log_prior.exp().tolist() == pytest.approx([1 / 3] * 3, abs=0.03)
    again = run("reproduce", "./a/model", "--json")
    assert json.loads(again.stdout)[0]["equal_weights"] is True
