"""Flows of angles: nothing changes where −π meets π, and the density on the torus is one."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo_core.conditioners.label import Label
from zoo_core.errors import ConfigError
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.circular_nsf import CircularNSF
from zoo_plugin_flows.circular_spline import CircularSpline, wrap

BINS = 5


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stirred(d: int, scale: float = 0.2, **fields: Any) -> CircularNSF:
    flow = CircularNSF.create(
        space=Space.angle(d), transforms=2, hidden=[16], bins=BINS, **fields
    ).double()
    generator = rng()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=generator)
    return flow.eval()


def raw(*shape: int, scale: float = 1.0, dtype: torch.dtype = torch.float64) -> Tensor:
    drawn = torch.randn(3 * BINS + 1, *shape, generator=rng(1), dtype=torch.float64)
    return (scale * drawn).to(dtype)


def circle(n: int) -> Tensor:
    """Midpoints of n equal arcs; sums over them converge fast for functions on the circle."""
    return (torch.arange(n, dtype=torch.float64) + 0.5) * (2 * math.pi / n) - math.pi


@torch.no_grad()
@pytest.mark.parametrize("direction", ["density", "sampling"])
def test_integrates_to_one_on_the_torus(direction: str) -> None:
    axis = circle(400)
    x = torch.cartesian_prod(axis, axis)
    for flow, condition in (
        (stirred(2, direction=direction), None),
        (stirred(2, direction=direction, conditioner=Label.create(classes=2)), 1),
    ):
        mass = flow.log_prob(x, condition=condition).exp().mean() * (2 * math.pi) ** 2
        assert mass.item() == pytest.approx(1, abs=1e-3)


@torch.no_grad()
def test_integrates_to_one_on_the_circle() -> None:
    mass = stirred(1, 1.0).log_prob(circle(20_000)[:, None]).exp().mean() * 2 * math.pi
    assert mass.item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("moved", [0, 1])
def test_nothing_happens_at_the_seam(moved: int) -> None:
    """Density, its gradient in the other angle, and the map's derivative are continuous there."""
    flow, step = stirred(2), 1e-9
    left = torch.tensor([[0.3, 0.7]], dtype=torch.float64)
    right = left.clone()
    left[:, moved], right[:, moved] = -math.pi + step, math.pi - step
    sides = []
    for x in (left.requires_grad_(), right.requires_grad_()):
        log_prob = flow.log_prob(x)
        (gradient,) = torch.autograd.grad(log_prob.sum(), x)
        jacobian = torch.autograd.functional.jacobian(lambda r: flow.to_noise(r[None])[0][0], x[0])
        noise, _ = flow.to_noise(x)
        sides.append(
            (log_prob, gradient[0, 1 - moved], jacobian, noise.cos().detach(), noise.sin().detach())
        )
    for a, b in zip(*sides, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


def test_the_maps_slopes_are_equal_at_both_ends_of_the_spline() -> None:
    """The knot at ±π of the spline itself, which the phase puts anywhere on the circle."""
    spline, parameters = CircularSpline(BINS), raw(1)
    at = wrap(-parameters[-1] + math.pi)
    for step in (1e-6, 1e-8):
        both = torch.cat((at - step, at + step))
        _, log_slope = spline.forward(both, parameters.expand(-1, 2))
        assert (log_slope[0] - log_slope[1]).abs() < 1e3 * step


def test_log_slope_is_the_derivative_both_ways() -> None:
    spline = CircularSpline(BINS)
    for method in (spline.forward, spline.inverse):
        x = circle(50)[:, None].expand(50, 3).clone().requires_grad_()
        y, log_slope = method(x, raw(50, 3))
        (slope,) = torch.autograd.grad(y.sum(), x)
        torch.testing.assert_close(log_slope.exp(), slope)


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_angles_come_back(scale: float, dtype: torch.dtype) -> None:
    spline, parameters = CircularSpline(BINS), raw(2000, 1, scale=scale, dtype=dtype)
    y = circle(2000)[:, None].to(dtype)
    x, _ = spline.inverse(y, parameters)
    back, _ = spline.forward(x, parameters)
    assert x.abs().max() <= math.pi + 1e-6
    assert wrap(back - y).abs().max() < (2e-4 if dtype is torch.float32 else 1e-9)


def test_zero_parameters_are_the_identity() -> None:
    x = circle(100)[:, None]
    for method in (CircularSpline(BINS).forward, CircularSpline(BINS).inverse):
        y, log_slope = method(x, torch.zeros(3 * BINS + 1, 100, 1, dtype=torch.float64))
        torch.testing.assert_close(y, x)
        torch.testing.assert_close(log_slope, torch.zeros_like(x))


def test_the_map_goes_once_around() -> None:
    spline, parameters = CircularSpline(BINS), raw(1, scale=2.0)
    x = circle(4000)
    y, _ = spline.forward(x, parameters.expand(-1, len(x)))
    steps = wrap(y.roll(-1) - y)
    assert (steps > 0).all()
    assert steps.sum().item() == pytest.approx(2 * math.pi)


@pytest.mark.parametrize("scale", [30.0, 1000.0])
def test_extreme_parameters_have_finite_gradients(scale: float) -> None:
    spline = CircularSpline(BINS)
    for method in (spline.forward, spline.inverse):
        x = torch.tensor([-math.pi, -1e-9, 0.0, 3.0, math.pi]).requires_grad_()
        parameters = raw(5, scale=scale, dtype=torch.float32).requires_grad_()
        y, log_slope = method(x, parameters)
        (y.sum() + log_slope.sum()).backward()
        assert y.isfinite().all() and log_slope.isfinite().all()
        assert x.grad is not None and x.grad.isfinite().all()
        assert parameters.grad is not None and parameters.grad.isfinite().all()


def test_samples_are_angles_that_follow_the_density() -> None:
    """Mean cosines and sines of the angles and of their sum, against quadrature."""
    flow, n = stirred(2), 20_000
    x = torch.as_tensor(flow.float().sample(n, rng=rng()))
    assert x.abs().max() <= math.pi + 1e-6
    grid = torch.cartesian_prod(circle(200), circle(200))
    with torch.no_grad():
        weight = flow.double().log_prob(grid).exp()
    weight = weight / weight.sum()
    for angles in ([1, 0], [0, 1], [1, 1], [2, -1]):
        frequency = torch.tensor(angles, dtype=torch.float64)
        for wave in (torch.cos, torch.sin):
            expected = (weight * wave(grid @ frequency)).sum()
            assert (wave(x.double() @ frequency).mean() - expected).abs() < 5 / math.sqrt(n)


def test_untrained_is_uniform() -> None:
    flow = CircularNSF.create(space=Space.angle(3))
    x = flow.sample(10, rng=rng())
    torch.testing.assert_close(flow.log_prob(x), torch.full((10,), -3 * math.log(2 * math.pi)))


def test_points_on_the_line_are_refused() -> None:
    with pytest.raises(ConfigError, match="flow of angles"):
        CircularNSF.create(space=Space.real(2))
