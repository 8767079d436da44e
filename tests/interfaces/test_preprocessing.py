"""The maps from data space to network space: their log-determinants and their fit."""

from __future__ import annotations

import math
from typing import final

import numpy as np
import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DefinitionError
from zoo_core.interfaces.preprocessing import (
    Dequantize,
    Logit,
    Preprocessing,
    Standardize,
    StandardizeMap,
    default_preprocessing,
)


@final
class Normal(zoo.Generator, zoo.DensityModel):
    """A standard normal in network space, so that every figure is the maps' own."""

    architecture = "test/normal"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        steps: tuple[Standardize | Dequantize | Logit, ...] = ()

    config: Config

    def _preprocessing(self) -> tuple[Standardize | Dequantize | Logit, ...]:
        return self.config.steps

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return torch.randn(n, *self.space.shape, generator=call.rng, dtype=self.dtype)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return -0.5 * (z**2 + math.log(2 * math.pi)).flatten(1).sum(1)


def _fitted(steps: tuple[Standardize | Dequantize | Logit, ...], x: Tensor) -> Preprocessing:
    maps = Preprocessing(steps, zoo.Space.unit(*x.shape[1:])).double()
    maps.fit([(x, None)], lambda: zoo.rng(0))
    return maps


def test_log_derivatives_equal_autograd() -> None:
    x = torch.rand(5, 3, dtype=torch.float64, generator=zoo.rng(0)).requires_grad_()
    maps = _fitted((Logit(alpha=0.01), Standardize()), x.detach())
    z, log_slope = maps(x, zoo.rng(0))
    (slope,) = torch.autograd.grad(z.sum(), x)
    assert torch.allclose(log_slope, slope.log())
    assert torch.allclose(maps.inverse(z), x)


@pytest.mark.parametrize("steps", [(Logit(),), (Logit(), Standardize())])
def test_a_density_on_the_unit_interval_integrates_to_one(
    steps: tuple[Logit | Standardize, ...],
) -> None:
    model = Normal.create(space=zoo.Space.unit(1), steps=[s.to_json() for s in steps]).double()
    data = torch.rand(100, 1, dtype=torch.float64, generator=zoo.rng(0))
    model.fit_preprocessing(zoo.Batch(data), zoo.rng(0))
    grid = torch.linspace(0, 1, 200_001, dtype=torch.float64)[:, None]
    total = torch.trapezoid(model.log_prob(grid).exp(), grid[:, 0])
    assert abs(float(total) - 1) < 1e-3


def test_dequantised_log_prob_is_a_lower_bound_on_the_mass() -> None:
    space = zoo.Space.ordinal(4, 1)
    model = Normal.create(space=space, steps=[Dequantize().to_json(), Standardize().to_json()])
    assert model.density.kind is zoo.DensityKind.LOWER_BOUND
    assert model.density.measure is zoo.Measure.MASS
    assert "dequantisation" in model.density.how
    data = torch.tensor([[0], [1], [1], [2], [3]])
    model.fit_preprocessing(zoo.Batch(data), zoo.rng(0))
    scale = next(m for m in model.preprocessing.modules() if isinstance(m, StandardizeMap))
    edges = (torch.arange(5.0) / 4 - scale.loc) / scale.scale
    mass = torch.distributions.Normal(0.0, 1.0).cdf(edges).diff()
    for code in range(4):
        rows = torch.full((4000, 1), code)
        bounds = model.log_prob(rows, rng=zoo.rng(1))
        # One draw is a bound in the mean, and its exponential is unbiased for the mass.
        assert float(bounds.mean()) < float(mass[code].log())
        assert float(bounds.exp().mean()) == pytest.approx(float(mass[code]), rel=0.02)


def test_moments_are_weighted_and_merge_over_batches() -> None:
    rng = np.random.default_rng(0)
    x, w = 1e4 + rng.normal(size=(500, 3)), rng.integers(0, 4, size=500)
    maps = Preprocessing((Standardize(),), zoo.Space.real(3)).double()
    batches = [
        (torch.tensor(x[i : i + 73]), torch.tensor(w[i : i + 73])) for i in range(0, 500, 73)
    ]
    maps.fit(batches, lambda: zoo.rng(0))
    repeated = np.repeat(x, w, axis=0)
    (step,) = [m for m in maps.modules() if isinstance(m, StandardizeMap)]
    np.testing.assert_allclose(step.loc.numpy(), repeated.mean(0), rtol=1e-13)
    np.testing.assert_allclose(step.scale.numpy(), repeated.std(0), rtol=1e-9)


def test_a_constant_entry_keeps_its_scale_and_missing_ones_are_passed_over() -> None:
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0], [math.nan, 5.0]])
    maps = Preprocessing((Standardize(),), zoo.Space.real(2, missing=True))
    maps.fit([(x, None)], lambda: zoo.rng(0))
    z, log_slope = maps(x, zoo.rng(0))
    assert z[:2, 0].tolist() == [-1.0, 1.0]
    assert z[:, 1].tolist() == [0.0, 0.0, 0.0]
    assert log_slope[2, 0] == 0


def test_samples_of_dequantised_models_are_codes() -> None:
    steps = default_preprocessing(zoo.Space.ordinal(5, 2))
    model = Normal.create(space=zoo.Space.ordinal(5, 2), steps=[s.to_json() for s in steps])
    x = model.sample(200, rng=zoo.rng(0))
    assert isinstance(x, Tensor)
    assert x.dtype is torch.int64
    assert int(x.min()) >= 0
    assert int(x.max()) <= 4


def test_dequantising_reals_is_an_authors_mistake() -> None:
    with pytest.raises(DefinitionError):
        Preprocessing((Dequantize(),), zoo.Space.real(2))
