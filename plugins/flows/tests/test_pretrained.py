"""The bundled models: their files, their figures, their numbers."""

from __future__ import annotations

import hashlib
import math
from importlib.resources import files
from typing import Any

import pytest
import torch
import yaml

import zoo_core as zoo
from zoo_plugin_flows.flow import Flow

PACKAGE = files("zoo_plugin_flows")
MODELS: dict[str, Any] = yaml.safe_load((PACKAGE / "registry.yaml").read_text("utf-8"))["models"]
MEGABYTE = 10**6


@pytest.fixture(params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def flow(name: str) -> Flow:
    return zoo.load(name)


def conditions(flow: Flow, n: int) -> list[int] | None:
    return [i % 10 for i in range(n)] if flow.is_conditional else None


def test_the_five_are_there() -> None:
    kinds = ("nsf-digits", "realnvp-digits", "nsf-moons", "nsf-checkerboard", "nsf-digits-by-class")
    assert {f"flows/{kind}" for kind in kinds} <= set(MODELS)


def test_files_are_those_of_the_registry(name: str) -> None:
    entry = MODELS[name]
    folder = PACKAGE / entry["sources"]["bundled"]
    assert {file.name for file in folder.iterdir()} == set(entry["files"])
    for file, promised in entry["files"].items():
        data = (folder / file).read_bytes()
        assert len(data) == promised["size"]
        assert hashlib.sha256(data).hexdigest() == promised["sha256"]


def test_the_weights_are_small() -> None:
    sizes = [entry["files"]["model.safetensors"]["size"] for entry in MODELS.values()]
    assert max(sizes) < MEGABYTE
    assert sum(sizes) < 6 * MEGABYTE


def test_each_has_a_recipe(name: str) -> None:
    recipe = yaml.safe_load((PACKAGE / MODELS[name]["recipe"]).read_text("utf-8"))
    assert recipe["architecture"] == MODELS[name]["architecture"]


def test_samples_are_scored(flow: Flow) -> None:
    x = flow.sample(50, condition=conditions(flow, 50), rng=zoo.rng(0))
    assert tuple(x.shape) == (50, *flow.space.shape)
    assert torch.isfinite(flow.log_prob(x, condition=conditions(flow, 50))).all()


@torch.no_grad()
def test_noise_comes_back_in_float32(name: str, flow: Flow) -> None:
    """At the edges of a checkerboard's squares the map is so steep that rounding x shows in z."""
    n = 2000
    noise = torch.randn(n, flow.space.size, generator=zoo.rng(0))
    told = None if not flow.is_conditional else flow._context_of(conditions(flow, n), n).as_vector()
    z, _ = flow.bijection.inverse(noise, told)
    again, _ = flow.bijection.forward(z, told)
    error = (again - noise).abs()
    assert error.max() < (1e-3 if name == "flows/nsf-checkerboard" else 1e-4)
    assert error.flatten().quantile(0.999) < 1e-4


@torch.no_grad()
def test_data_come_back_in_float32(name: str, flow: Flow) -> None:
    data = pytest.importorskip("zoo_plugin_data").load(MODELS[name]["dataset"], split="test")
    x = data.x[:2000]
    told = data.labels[:2000] if flow.is_conditional else None
    context = None if told is None else flow._context_of(told, len(x)).as_vector()
    z, _ = flow._to_network(flow._checked(x), zoo.rng(0), None)
    noise, _ = flow.bijection.forward(z.flatten(1), context)
    back, _ = flow.bijection.inverse(noise, context)
    assert (back - z.flatten(1)).abs().max() < 1e-4


@torch.no_grad()
def test_the_registered_figure_comes_back(name: str, flow: Flow) -> None:
    """The NLL of the same split; discrete data with other dequantising noise, so nearly."""
    metric, *_ = MODELS[name]["metrics"]
    data = pytest.importorskip("zoo_plugin_data").load(MODELS[name]["dataset"], split="test")
    told = data.labels if flow.is_conditional else None
    value = -float(flow.log_prob(data.x, condition=told, rng=zoo.rng(1)).mean())
    if metric["name"] == "bits/dim":
        value /= flow.space.size * math.log(2)
    assert len(data) == metric["n"]
    assert value == pytest.approx(metric["value"], abs=0.01)


@pytest.mark.parametrize(
    ("model", "bound"),
    [
        ("nsf-moons", 0.2892 + 0.02),
        ("nsf-checkerboard", math.log(32) + 0.07),
        ("nsf-digits", 2.14),
        ("realnvp-digits", 2.14),
        ("nsf-digits-by-class", 2.14),
    ],
)
def test_figures_are_good(model: str, bound: float) -> None:
    """Toy densities: near the entropy, which is the floor. Digits: what an early prototype had."""
    metric, *_ = MODELS[f"flows/{model}"]["metrics"]
    assert metric["value"] < bound


@pytest.mark.parametrize(("model", "entropy"), [("moons", 0.2892), ("checkerboard", math.log(32))])
def test_nothing_is_better_than_the_truth(model: str, entropy: float) -> None:
    metric, *_ = MODELS[f"flows/nsf-{model}"]["metrics"]
    assert metric["value"] > entropy - 4 * metric["standard_error"]
