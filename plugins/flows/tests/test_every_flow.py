"""What every flow of the registry promises, whatever it is made of."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Kind
from zoo_plugin_flows.flow import Flow

REGISTRY = yaml.safe_load((files("zoo_plugin_flows") / "registry.yaml").read_text("utf-8"))
BASES = {"flows/normal", "flows/uniform", "flows/gaussian-mixture"}
TINY: dict[str, dict[str, Any]] = {
    name: entry["tiny"] for name, entry in REGISTRY["architectures"].items() if name not in BASES
}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=sorted(TINY))
def flow(request: pytest.FixtureRequest) -> Flow:
    """The tiny flow of the registry, in double precision, away from the identity."""
    model = zoo.create(request.param, **TINY[request.param]).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=rng(), dtype=torch.float64)
    return model


def some(flow: Flow, n: int = 5) -> Tensor:
    """Data of the flow's space: draws of the flow."""
    return flow.sample(n, rng=rng(1))


def test_the_density_is_that_of_the_noise(flow: Flow) -> None:
    x = some(flow)
    noise, log_det = flow.to_noise(x)
    expected = -0.5 * (noise.square() + math.log(2 * math.pi)).sum(1)
    if flow.space.kind is Kind.ANGLE:
        expected = torch.full_like(log_det, -math.log(2 * math.pi) * noise.shape[1])
    torch.testing.assert_close(flow.log_prob(x), expected + log_det)
    assert flow.log_prob(x).dtype is torch.float64


def test_noise_and_data_go_back_and_forth(flow: Flow) -> None:
    noise, _ = flow.to_noise(some(flow))
    again, _ = flow.to_noise(flow.from_noise(noise))
    if not flow.space.kind.discrete:
        torch.testing.assert_close(again, noise, atol=1e-4, rtol=1e-4)


def test_the_log_determinant_is_autograds(flow: Flow) -> None:
    if flow.space.kind.discrete:
        return
    row = some(flow, 1)[0]
    jacobian = torch.autograd.functional.jacobian(lambda x: flow.to_noise(x[None])[0][0], row)
    size = flow.space.size
    expected = torch.linalg.slogdet(jacobian.reshape(size, size))[1]
    torch.testing.assert_close(flow.to_noise(row[None])[1][0], expected, atol=1e-4, rtol=1e-4)


def test_both_directions_have_gradients(flow: Flow) -> None:
    """The Jacobian of the way back is the inverse of that of the way there."""
    if flow.space.kind.discrete:
        return
    x, size = some(flow, 1)[0], flow.space.size
    noise = flow.to_noise(x[None])[0][0].detach()
    there = torch.autograd.functional.jacobian(lambda r: flow.to_noise(r[None])[0][0], x)
    back = torch.autograd.functional.jacobian(lambda r: flow.from_noise(r[None])[0], noise)
    product = there.reshape(size, size) @ back.reshape(size, size)
    torch.testing.assert_close(product, torch.eye(size).double(), atol=1e-4, rtol=0)


def test_samples_carry_gradients(flow: Flow) -> None:
    if Reparameterized not in flow.provides:
        assert flow.space.kind.discrete
        return
    x, log_prob = flow.rsample(4, rng=rng())
    torch.testing.assert_close(log_prob, flow.log_prob(x), atol=1e-4, rtol=1e-4)
    weights = torch.randn(x.shape, generator=rng(2), dtype=torch.float64)
    trained = [parameter for parameter in flow.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(
        (x * weights).sum() + log_prob.sum(), trained, allow_unused=True
    )
    found = [gradient for gradient in gradients if gradient is not None]
    assert found and all(gradient.isfinite().all() for gradient in found)


def test_samples_equal_those_with_gradients(flow: Flow) -> None:
    if Reparameterized in flow.provides:
        x, _ = flow.rsample(4, rng=rng())
        torch.testing.assert_close(x, flow.sample(4, rng=rng()), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_far_out_is_finite_or_nothing(flow: Flow, size: float) -> None:
    if flow.space.kind is not Kind.REAL:
        return
    flow = flow.float()
    x = (some(flow, 4).sign() * size).requires_grad_()
    log_prob = flow.log_prob(x)
    assert not log_prob.isnan().any() and not log_prob.isposinf().any()
    finite = log_prob[log_prob.isfinite()].sum()
    (gradient,) = torch.autograd.grad(finite, x)
    assert gradient.isfinite().all()
    back = flow.from_noise(torch.full((2, flow.space.size), size))
    assert back.isfinite().all()


def test_a_way_between_two_samples(flow: Flow) -> None:
    a, b = some(flow, 2)
    way = flow.interpolate(a, b, 3)
    assert tuple(way.shape) == (3, *flow.space.shape)
    torch.testing.assert_close(way[0], a, atol=1e-4, rtol=1e-4)
