"""Planar and radial flows: both directions, their constraints, their gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from zoo_core.conditioners.label import Label
from zoo_core.conditioners.vector import Vector
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.planar import PlanarFlow
from zoo_plugin_flows.radial import RadialFlow
from zoo_plugin_flows.root import increasing_root


@pytest.fixture(params=[PlanarFlow, RadialFlow], ids=["planar", "radial"])
def family(request: pytest.FixtureRequest) -> type[Flow]:
    return request.param


def stirred(family: type[Flow], d: int, scale: float = 0.7, **fields: Any) -> Flow:
    flow = family.create(space=Space.real(d), **{"transforms": 6, "hidden": [8], **fields})
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=rng)
    return flow.double().eval()


def rows(n: int, d: int, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, d, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_log_determinant_equals_autograd(family: type[Flow], d: int) -> None:
    flow = stirred(family, d)
    x = rows(5, d)
    noise, log_det = flow.to_noise(x)
    for i, row in enumerate(x):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow.to_noise(v[None])[0][0], row)
        torch.testing.assert_close(log_det[i], torch.linalg.slogdet(jacobian)[1])
    again, inverse_log_det = flow.bijection.inverse(noise, None)
    torch.testing.assert_close(again, x)
    torch.testing.assert_close(inverse_log_det, -log_det)


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_round_trip_in_float32(family: type[Flow], scale: float) -> None:
    flow = stirred(family, 8, scale).float()
    noise = torch.randn(2000, 8, generator=torch.Generator().manual_seed(0))
    assert (flow.to_noise(flow.from_noise(noise))[0] - noise).abs().max() < 1e-4


def test_integrates_to_one(family: type[Flow]) -> None:
    flow = stirred(family, 2, 0.5)
    axis = torch.linspace(-5.3, 5.3, 601, dtype=torch.float64)
    t = torch.cartesian_prod(axis, axis)
    weight = (axis[1] - axis[0]) ** 2 * t.cosh().prod(-1)
    with torch.no_grad():
        mass = (flow.log_prob(t.sinh()).exp() * weight).sum()
    assert mass.item() == pytest.approx(1, abs=1e-3)


def test_the_inverses_gradient_equals_differences(family: type[Flow]) -> None:
    flow = stirred(family, 3)
    noise = rows(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: flow.bijection.inverse(z, None), (noise,))
    for weight in list(flow.parameters())[:2]:
        gradient = torch.autograd.grad(flow.bijection.inverse(noise, None)[0].sum(), weight)[0]
        step = torch.zeros_like(weight)
        step.view(-1)[-1] = 1e-6
        difference = moved(flow, weight, step, noise) - moved(flow, weight, -step, noise)
        torch.testing.assert_close(gradient.view(-1)[-1], difference / 2e-6, rtol=1e-5, atol=1e-7)


@torch.no_grad()
def moved(
    flow: Flow, weight: torch.Tensor, step: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    weight += step
    result = flow.bijection.inverse(noise, None)[0].sum()
    weight -= step
    return result


def test_stays_invertible_whatever_the_weights(family: type[Flow]) -> None:
    flow = stirred(family, 2, 20.0, transforms=1)
    noise, log_det = flow.to_noise(rows(500, 2))
    assert torch.isfinite(log_det).all()
    assert (flow.to_noise(flow.from_noise(noise))[0] - noise).abs().max() < 1e-6


def test_gradients_are_finite_at_the_centre_and_far_out(family: type[Flow]) -> None:
    flow = stirred(family, 2)
    centre = next(flow.parameters()).detach()[:2]
    x = torch.stack((centre, torch.full((2,), 1e4).double(), torch.zeros(2).double()))
    x.requires_grad_()
    flow.log_prob(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in flow.parameters() if p.grad is not None)


def test_untrained_is_the_standard_normal(family: type[Flow]) -> None:
    x = rows(20, 3).float()
    expected = torch.distributions.Normal(torch.zeros(()), 1.0).log_prob(x).sum(-1)
    flow = family.create(space=Space.real(3)).eval()
    torch.testing.assert_close(flow.log_prob(x), expected)


@pytest.mark.parametrize("told", ["label", "vector"])
def test_a_condition_moves_the_parameters(family: type[Flow], told: str) -> None:
    conditioner = Label.create(classes=3) if told == "label" else Vector.create(width=2)
    conditions: Any = [0, 1, 2] if told == "label" else rows(3, 2, seed=1).float()
    flow = stirred(family, 2, conditioner=conditioner)
    x = rows(1, 2).expand(3, 2)
    mixed = flow.log_prob(x, condition=conditions)
    single = [flow.log_prob(x[:1], condition=conditions[i]) for i in range(3)]
    torch.testing.assert_close(mixed, torch.cat(single))
    assert mixed.std() > 1e-2
    noise, _ = flow.to_noise(x, condition=conditions)
    torch.testing.assert_close(flow.from_noise(noise, condition=conditions), x)


def test_roots_of_functions_that_newton_alone_misses() -> None:
    """On arctan Newton's method diverges from afar; the cube has no slope at its root."""
    low, high = torch.full((3,), -1e4).double(), torch.tensor([1e5, 3.0, 20.0]).double()
    shift = torch.tensor([-3.0, 1.0, 15.0]).double()
    root = increasing_root(lambda a: ((a - shift).atan(), 1 / (1 + (a - shift) ** 2)), low, high)
    torch.testing.assert_close(root, shift, atol=1e-10, rtol=0)
    flat = increasing_root(lambda a: (a**3, 3 * a**2), low, high)
    assert flat.abs().max() < 1e-6
