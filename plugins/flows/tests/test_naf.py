"""The neural autoregressive flow: its map against the formula, its inverse, its density."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from zoo_core.interfaces.space import Space
from zoo_plugin_flows.masked_network import MaskedNetwork
from zoo_plugin_flows.monotonic_sigmoids import SPREAD, SigmoidMixture
from zoo_plugin_flows.naf import NAF

UNITS, MINIMUM = 6, 1e-2


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def mixture() -> SigmoidMixture:
    return SigmoidMixture(UNITS, MINIMUM)


def raw(*shape: int, scale: float = 1.0, dtype: torch.dtype = torch.float64) -> Tensor:
    drawn = torch.randn(3 * UNITS, *shape, generator=rng(1), dtype=torch.float64)
    return (scale * drawn).to(dtype)


def stirred(d: int, scale: float = 0.3, **fields: Any) -> NAF:
    flow = NAF.create(space=Space.real(d), transforms=2, hidden=[16], units=UNITS, **fields)
    generator = rng()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=generator)
    return flow.double().eval()


def test_the_map_is_the_papers(mixture: SigmoidMixture) -> None:
    """logit Σ w σ(a x + b), as it stands, where that is accurate."""
    x, parameters = torch.linspace(-5, 5, 100).double(), raw(100)
    slope, shift, weight = parameters.split(UNITS)
    unit = torch.log(torch.expm1(torch.tensor(1 - MINIMUM).double()))
    a = torch.nn.functional.softplus(slope + unit) + MINIMUM
    b = shift + torch.linspace(-SPREAD, SPREAD, UNITS).double()[:, None]
    expected = torch.logit((weight.softmax(0) * torch.sigmoid(a * x + b)).sum(0))
    torch.testing.assert_close(mixture.forward(x, parameters)[0], expected)


def test_log_slope_is_the_derivative_both_ways(mixture: SigmoidMixture) -> None:
    for method in (mixture.forward, mixture.inverse):
        x = torch.linspace(-20, 20, 200).double().requires_grad_()
        y, log_slope = method(x, raw(200))
        (slope,) = torch.autograd.grad(y.sum(), x)
        torch.testing.assert_close(log_slope.exp(), slope)


def test_tails_are_straight_lines(mixture: SigmoidMixture) -> None:
    """Far out the flattest sigmoid is left alone: finite values, slope its own."""
    x = torch.tensor([-1e6, 1e6])
    parameters = raw(1, dtype=torch.float32).expand(-1, 2)
    y, log_slope = mixture.forward(x, parameters)
    unit = torch.log(torch.expm1(torch.tensor(1 - MINIMUM)))
    flattest = torch.nn.functional.softplus(parameters[:UNITS, 0] + unit).min() + MINIMUM
    torch.testing.assert_close(log_slope.exp(), flattest.expand(2))
    torch.testing.assert_close(y / x, flattest.expand(2), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scale", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_inverse_is_as_exact_as_rounding_allows(
    mixture: SigmoidMixture, scale: float, dtype: torch.dtype
) -> None:
    y = torch.linspace(-30, 30, 2000).to(dtype)
    parameters = raw(2000, scale=scale, dtype=dtype)
    x, log_slope = mixture.inverse(y, parameters)
    back, back_slope = mixture.forward(x, parameters)
    rounding = torch.finfo(dtype).eps * (1 + y.abs() + x.abs() * back_slope.exp())
    assert ((back - y).abs() <= 100 * rounding).all()
    torch.testing.assert_close(log_slope, -back_slope)


def test_the_inverse_has_the_right_gradients(mixture: SigmoidMixture) -> None:
    y = torch.linspace(-4, 4, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(mixture.inverse, (y, raw(4).requires_grad_()), fast_mode=True)


@pytest.mark.parametrize("scale", [30.0, 1000.0])
def test_extreme_parameters_have_finite_gradients(mixture: SigmoidMixture, scale: float) -> None:
    x = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4]).requires_grad_()
    parameters = raw(5, scale=scale, dtype=torch.float32).requires_grad_()
    y, log_slope = mixture.forward(x, parameters)
    (y.sum() + log_slope.sum()).backward()
    assert y.isfinite().all() and log_slope.isfinite().all()
    assert x.grad is not None and x.grad.isfinite().all()
    assert parameters.grad is not None and parameters.grad.isfinite().all()


@torch.no_grad()
def test_integrates_to_one_on_the_line() -> None:
    x = torch.linspace(-200, 200, 400_001, dtype=torch.float64)[:, None]
    mass = torch.trapezoid(stirred(1, 1.0).log_prob(x).exp(), x[:, 0])
    assert mass.item() == pytest.approx(1, abs=1e-6)


@torch.no_grad()
def test_integrates_to_one_in_the_plane() -> None:
    """By the midpoint rule in t with x = sinh(t)."""
    step = 10.6 / 500
    t = (torch.arange(500, dtype=torch.float64) + 0.5) * step - 5.3
    t = torch.cartesian_prod(t, t)
    weight = step**2 * t.cosh().prod(1)
    mass = (stirred(2).log_prob(t.sinh()).exp() * weight).sum()
    assert mass.item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("direction", ["density", "sampling"])
def test_round_trips(direction: str) -> None:
    flow = stirred(4, direction=direction)
    z = torch.randn(20, 4, generator=rng(), dtype=torch.float64)
    again, _ = flow.to_noise(flow.from_noise(z))
    torch.testing.assert_close(again, z, atol=1e-9, rtol=1e-9)
    single = flow.float()
    again, _ = single.to_noise(single.from_noise(z.float()))
    torch.testing.assert_close(again, z.float(), atol=1e-3, rtol=1e-3)


def test_units_start_apart() -> None:
    """Units that were equal would get equal gradients, and stay so."""
    flow = NAF.create(space=Space.real(2), units=UNITS)
    flow.log_prob(torch.randn(50, 2, generator=rng())).sum().backward()
    for network in flow.bijection.modules():
        if isinstance(network, MaskedNetwork):
            gradient = network.last.bias.grad
            assert gradient is not None and len(gradient[:UNITS, 0].unique()) == UNITS
