"""Samples with gradients, mapped to data space with their densities."""

from __future__ import annotations

import math
from typing import Any, final

import pytest
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import DefinitionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.preprocessing import Dequantize, Logit, Preprocessing, Standardize, Step


@final
class Shifted(zoo.Reparameterized, zoo.DensityModel):
    """N(shift, I) in network space."""

    architecture = "test/shifted"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        steps: tuple[Step, ...] = ()

    config: Config

    def _build(self) -> None:
        self.shift = nn.Parameter(torch.full((self.space.size,), 0.3))

    def _preprocessing(self) -> tuple[Any, ...]:
        return self.config.steps

    def _rsample(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        z = self.shift + torch.randn(n, self.space.size, generator=call.rng).to(self.shift)
        return z.reshape(n, *self.space.shape), self._log_prob(z, call)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        centred = z.reshape(len(z), -1) - self.shift
        return -0.5 * (centred.square() + math.log(2 * math.pi)).sum(1)


@final
class Lopsided(zoo.Reparameterized):
    """Breaks the rule on shapes."""

    architecture = "test/lopsided"

    def _space(self) -> zoo.Space:
        return zoo.Space.real(2)

    def _rsample(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        return torch.zeros(n, 2), torch.zeros(n, 1)


CASES = {
    "plain": (zoo.Space.real(3), ()),
    "scalar": (zoo.Space.real(), (Standardize(),)),
    "standardised": (zoo.Space.real(2, 2), (Standardize(),)),
    "logit": (zoo.Space.unit(3), (Logit(alpha=0.01), Standardize())),
}


@pytest.mark.parametrize("case", CASES)
def test_the_log_density_is_that_of_the_data(case: str) -> None:
    space, steps = CASES[case]
    model = Shifted.create(space=space, steps=steps).double()
    data = torch.rand(500, *space.shape, generator=zoo.rng(1)) * 0.5 + 0.1
    model.fit_preprocessing(Batch(data), zoo.rng(0))
    x, log_prob = model.rsample(200, rng=zoo.rng(0))
    assert x.shape == (200, *space.shape)
    # Beyond its ends the logit's inverse is cut off, and no longer smooth.
    inside = ((x > 0) & (x < 1)).flatten(1).all(1) if case == "logit" else slice(None)
    torch.testing.assert_close(log_prob[inside], model.log_prob(x)[inside])


@pytest.mark.parametrize("case", CASES)
def test_slopes_equal_autograd(case: str) -> None:
    space, steps = CASES[case]
    maps = Preprocessing(steps, space).double()
    for buffer in maps.buffers():
        buffer.uniform_(0.5, 2.0, generator=zoo.rng(0))
    z = torch.randn(20, *space.shape, generator=zoo.rng(1), dtype=torch.float64).requires_grad_()
    x, log_slope = maps.inverse_with_log_slope(z)
    torch.testing.assert_close(x, maps.inverse(z))
    (slope,) = torch.autograd.grad(x.sum(), z)
    inside = slope != 0
    torch.testing.assert_close(log_slope.exp()[inside], slope[inside])
    assert inside.double().mean() > 0.8


def test_samples_and_densities_carry_gradients() -> None:
    model = Shifted.create(space=zoo.Space.real(3))
    x, log_prob = model.rsample(4, rng=zoo.rng(0))
    (moved,) = torch.autograd.grad(x.sum(), model.shift, retain_graph=True)
    torch.testing.assert_close(moved, torch.full((3,), 4.0))
    (still,) = torch.autograd.grad(log_prob.sum(), model.shift)
    torch.testing.assert_close(still, torch.zeros(3))  # the density moves with its samples


def test_the_same_rng_gives_the_same_samples() -> None:
    model = Shifted.create(space=zoo.Space.real(3))
    one, two, other = (model.rsample(4, rng=zoo.rng(seed))[0] for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_a_view_as_distribution_has_them_too() -> None:
    model = Shifted.create(space=zoo.Space.real(3))
    view = model.as_distribution(rng=zoo.rng(0))
    assert view.has_rsample
    x = view.rsample((2, 3))
    assert x.shape == (2, 3, 3) and x.requires_grad
    assert torch.equal(x.reshape(6, 3), model.rsample(6, rng=zoo.rng(0))[0])
    assert view.rsample().shape == (3,)


def test_codes_are_refused() -> None:
    model = Shifted.create(space=zoo.Space.binary(2), steps=(Dequantize(),))
    with pytest.raises(UnsupportedError, match="rounding has no gradient"):
        model.rsample(3)


def test_a_wrong_shape_is_the_authors_error() -> None:
    with pytest.raises(DefinitionError, match="_rsample gives"):
        Lopsided.create().rsample(3)
