"""Samples with gradients, ways between samples, and torch's function transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConditionError, DataError, OptionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.continuous import ContinuousFlow
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.interpolation import Interpolation
from zoo_plugin_flows.maf import MAF
from zoo_plugin_flows.nsf import NSF

Make = Callable[..., Flow]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def continuous(space: Space, **fields: object) -> Flow:
    """A continuous flow far from the identity."""
    fields = {"hidden": (8,), "atol": 1e-9, "rtol": 1e-9, **fields}
    return stirred(ContinuousFlow.create(space=space, **fields), 0.4)


def coupling(space: Space, scale: float = 0.1, **fields: object) -> Flow:
    """A spline flow far from the identity."""
    return stirred(NSF.create(space=space, transforms=4, hidden=[16, 16], **fields), scale)


def autoregressive(space: Space, scale: float = 0.1, **fields: object) -> Flow:
    """A masked autoregressive flow far from the identity."""
    return stirred(MAF.create(space=space, transforms=2, hidden=[16, 16], **fields), scale)


@pytest.fixture(params=[coupling, autoregressive])
def make(request: pytest.FixtureRequest) -> Make:
    """One flow of each kind whose inverse is in closed form."""
    return request.param


@pytest.fixture(params=[coupling, autoregressive, continuous])
def build(request: pytest.FixtureRequest) -> Make:
    """The same, and a continuous one."""
    return request.param


def stirred(flow: Flow, scale: float) -> Flow:
    """Add noise to every weight; in evaluation mode."""
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=rng())
    return flow.eval()


@pytest.mark.parametrize("space", [Space.real(), Space.real(2, 3), Space.unit(4)])
def test_the_log_density_is_that_of_log_prob(build: Make, space: Space) -> None:
    flow = build(space).double()
    flow.fit_preprocessing(Batch(flow.sample(500, rng=rng()) * 0.5), rng())
    x, log_prob = flow.rsample(40, rng=rng())
    assert tuple(x.shape) == (40, *space.shape)
    torch.testing.assert_close(log_prob, flow.log_prob(x), atol=1e-6, rtol=1e-6)


def test_samples_are_those_of_sample(build: Make) -> None:
    flow = build(Space.real(3)).double()
    x, _ = flow.rsample(20, rng=rng(3))
    torch.testing.assert_close(x, flow.sample(20, rng=rng(3)), atol=1e-7, rtol=1e-7)


def test_samples_under_a_condition(
    make: Make, told: tuple[dict[str, object], list[object]]
) -> None:
    fields, (first, *_) = told
    flow = make(Space.real(2), **fields).double()
    x, log_prob = flow.rsample(10, condition=first, rng=rng())
    torch.testing.assert_close(log_prob, flow.log_prob(x, condition=first))
    bound, _ = flow.given(first).rsample(10, rng=rng())
    torch.testing.assert_close(bound, x)
    with pytest.raises(ConditionError):
        flow.rsample(10)


def test_the_gradient_is_that_of_finite_differences(build: Make) -> None:
    """At fixed noise, of a function of samples and of their log-densities."""
    flow = build(Space.real(3)).double()

    def value() -> Tensor:
        x, log_prob = flow.rsample(5, rng=rng())
        return (x.sin().sum(1) * 2 + log_prob).sum()

    value().backward()
    for parameter in flow.bijection.parameters():
        index = (0,) * parameter.ndim
        moved = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter[index] += step
                moved.append(value())
                parameter[index] -= step
        assert parameter.grad is not None
        torch.testing.assert_close(
            parameter.grad[index], (moved[0] - moved[1]) / 2e-5, atol=1e-3, rtol=1e-4
        )


def test_the_mean_gradient_is_that_of_the_expectation(make: Make) -> None:
    """d E[f] by samples, against the gradient of the integral of p f over a grid."""
    flow = make(Space.real(2), scale=0.05).double()
    x, _ = flow.rsample(40_000, rng=rng())
    parameters = [*flow.bijection.parameters()]
    by_samples = torch.autograd.grad(x.sin().sum(1).mean(), parameters)
    axis = torch.linspace(-9.95, 9.95, 200, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    integral = (flow.log_prob(grid).exp() * grid.sin().sum(1)).sum() * 0.1**2
    exact = torch.autograd.grad(integral, parameters)
    scale = max(g.abs().max() for g in exact)
    for got, expected in zip(by_samples, exact, strict=True):
        torch.testing.assert_close(got / scale, expected / scale, atol=0.05, rtol=0)


def test_codes_have_no_gradients(make: Make) -> None:
    flow = make(Space.binary(3))
    assert Reparameterized not in flow.provides
    with pytest.raises(UnsupportedError, match="rounding has no gradient"):
        flow.rsample(3)
    with pytest.raises(DataError, match="at least 1"):
        make(Space.real(3)).rsample(0)


def test_it_is_part_of_the_public_face(make: Make) -> None:
    assert zoo.Reparameterized is Reparameterized
    assert zoo.Reparameterized in make(Space.real(2)).provides


def test_both_directions_have_gradients(build: Make) -> None:
    """The gradient of the way back is the inverse of the gradient of the way there."""
    flow = build(Space.real(3)).double()
    x = torch.randn(3, generator=rng(), dtype=torch.float64)
    noise = flow.to_noise(x[None])[0][0].detach()
    there = torch.autograd.functional.jacobian(lambda r: flow.to_noise(r[None])[0][0], x)
    back = torch.autograd.functional.jacobian(lambda r: flow.from_noise(r[None])[0], noise)
    torch.testing.assert_close(there @ back, torch.eye(3).double(), atol=1e-6, rtol=0)


def test_torch_func_transforms(make: Make) -> None:
    """Gradients by torch.func equal autograd's; a batch of weights is mapped over."""
    flow = make(Space.real(3)).double()
    x = torch.randn(6, 3, generator=rng(), dtype=torch.float64)
    score = torch.func.grad(lambda rows: flow.log_prob(rows).sum())(x)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(flow.log_prob(leaf).sum(), leaf)
    torch.testing.assert_close(score, expected)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda row: flow.bijection(row[None], None)[0][0]))
    torch.testing.assert_close(torch.linalg.slogdet(jacobian(x))[1], flow.bijection(x, None)[1])
    weights = {name: torch.stack((p, p * 0.5)) for name, p in flow.bijection.named_parameters()}
    both = torch.func.vmap(
        lambda one: torch.func.functional_call(flow.bijection, one, (x, None))[1]
    )(weights)
    torch.testing.assert_close(both[0], flow.bijection(x, None)[1])
    assert both.shape == (2, 6)


def test_the_score_of_a_continuous_flow_by_torch_func() -> None:
    """With a solver of equal steps: torchdiffeq's adaptive ones know no function transforms."""
    flow = continuous(Space.real(3), solver="rk4").double()
    x = torch.randn(4, 3, generator=rng(), dtype=torch.float64)
    score = torch.func.grad(lambda rows: flow.log_prob(rows).sum())(x)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(flow.log_prob(leaf).sum(), leaf)
    torch.testing.assert_close(score, expected)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e15, 1e30])
def test_far_out_is_finite_or_nothing(make: Make, size: float) -> None:
    """log_prob is a number, or −inf where the density underflows; never NaN, nor its gradient."""
    flow = make(Space.real(4), scale=0.5)
    x = torch.tensor([[size, -size, 0.0, 1.0], [0.0, 0.0, size, size], [0.0] * 4])
    x.requires_grad_()
    log_prob = flow.log_prob(x)
    assert not log_prob.isnan().any() and not log_prob.isposinf().any()
    assert log_prob[2].isfinite()
    if size <= 1e6:
        assert log_prob.isfinite().all()
        log_prob.sum().backward()
        assert x.grad is not None and x.grad.isfinite().all()


@pytest.mark.parametrize("base", ["flows/normal", "flows/gaussian-mixture", "data/moons"])
def test_far_out_with_a_base(make: Make, base: str) -> None:
    flow = make(Space.real(2), scale=0.5, base=zoo.Part(base))
    x = torch.tensor([[1e6, -1e6], [1e30, 1e30], [0.0, 0.0]], requires_grad=True)
    log_prob = flow.log_prob(x)
    assert not log_prob.isnan().any() and log_prob[2].isfinite()
    (gradient,) = torch.autograd.grad(log_prob[0] + log_prob[2], x)
    assert gradient[[0, 2]].isfinite().all()


def test_noise_far_out_comes_back_finite(make: Make) -> None:
    flow = make(Space.real(4), scale=0.5)
    noise = torch.tensor([[1e6, -1e6, 1e3, 0.0]], requires_grad=True)
    x = flow.from_noise(noise)
    assert x.isfinite().all()
    x.sum().backward()
    assert noise.grad is not None and noise.grad.isfinite().all()


@pytest.mark.parametrize("space", [Space.real(), Space.real(2, 3), Space.unit(4), Space.binary(3)])
@pytest.mark.parametrize("along", [None, Interpolation.LINEAR, Interpolation.SPHERICAL])
def test_a_way_goes_from_one_end_to_the_other(
    make: Make, space: Space, along: Interpolation | None
) -> None:
    flow = make(space)
    a, b = flow.sample(2, rng=rng())
    way = flow.interpolate(a, b, 7, along=along)
    assert tuple(way.shape) == (7, *space.shape)
    torch.testing.assert_close(way[0], a, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(way[-1], b, atol=1e-4, rtol=1e-4)


def test_ways_are_straight_or_round_in_noise(make: Make) -> None:
    flow = make(Space.real(8)).double()
    a, b = flow.sample(2, rng=rng())
    start, end = flow.to_noise(torch.stack((a, b)))[0]
    straight = flow.to_noise(flow.interpolate(a, b, 5, along=Interpolation.LINEAR))[0]
    torch.testing.assert_close(straight[1], 0.75 * start + 0.25 * end, atol=1e-6, rtol=1e-6)
    round_ = flow.to_noise(flow.interpolate(a, b, 5))[0]
    angles = [angle_between(round_[i], round_[i + 1]) for i in range(4)]
    torch.testing.assert_close(torch.stack(angles), angles[0].expand(4), atol=1e-5, rtol=1e-5)
    assert round_[2].norm() > 0.9 * torch.minimum(start.norm(), end.norm())


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    return (torch.dot(a, b) / (a.norm() * b.norm())).acos()


def test_a_way_to_itself_stays(make: Make) -> None:
    flow = make(Space.real(3))
    a = flow.sample(1, rng=rng())[0]
    torch.testing.assert_close(flow.interpolate(a, a, 3), a.expand(3, 3), atol=1e-4, rtol=1e-4)


def test_a_way_under_a_condition(make: Make, told: tuple[dict[str, object], list[object]]) -> None:
    fields, (first, *_) = told
    flow = make(Space.real(2), **fields)
    a, b = flow.sample(2, condition=first, rng=rng())
    way = flow.interpolate(a, b, 4, condition=first)
    torch.testing.assert_close(way[-1], b, atol=1e-4, rtol=1e-4)


def test_angles_go_the_shorter_way_round() -> None:
    from zoo_plugin_flows.interpolation import round_circles

    way = round_circles(torch.tensor([3.0, 0.0]), torch.tensor([-3.0, 1.0]), 3)
    middle = torch.tensor([math.pi, 0.5])
    torch.testing.assert_close(way[1].cos(), middle.cos())
    torch.testing.assert_close(way[1].sin(), middle.sin(), atol=1e-6, rtol=0)
    assert way.abs().max() <= math.pi


def test_wrong_ways_are_refused(make: Make) -> None:
    flow = make(Space.real(2))
    with pytest.raises(OptionError, match="at least 2"):
        flow.interpolate(torch.zeros(2), torch.ones(2), 1)
    with pytest.raises(DataError):
        flow.interpolate(torch.zeros(3), torch.ones(3), 4)


def test_options_of_the_map_are_those_of_log_prob(make: Make) -> None:
    wrong: dict[str, Any] = {"atol": 1e-3}
    with pytest.raises(OptionError, match="atol"):
        make(Space.real(2)).to_noise(torch.zeros(1, 2), **wrong)
    flow = continuous(Space.real(2))
    loose = flow.to_noise(torch.ones(1, 2), **wrong)[0]
    torch.testing.assert_close(loose, flow.to_noise(torch.ones(1, 2))[0], atol=1e-2, rtol=1e-2)
    assert torch.isfinite(flow.from_noise(loose, solver="rk4", steps=4)).all()
