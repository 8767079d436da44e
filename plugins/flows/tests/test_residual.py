"""Residual flows: contraction, both log-determinants, the inverse and its gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from zoo_core.conditioners.label import Label
from zoo_core.errors import ConfigError, OptionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.contraction import BoundedLinear, Contraction
from zoo_plugin_flows.fixed_point import ConvergenceError, fixed_point
from zoo_plugin_flows.residual import ResidualFlow


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows(n: int, d: int, seed: int = 0) -> Tensor:
    return 2 * torch.randn(n, d, generator=rng(seed), dtype=torch.float64)


def stirred(d: int, scale: float = 0.5, **fields: Any) -> ResidualFlow:
    """Build a residual flow whose networks reach their bounds."""
    fields = {"transforms": 3, "hidden": [16, 16], **fields}
    flow = ResidualFlow.create(space=Space.real(d), **fields)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=rng(3))
    return flow.double().eval()


@pytest.mark.parametrize("d", [1, 2, 5])
def test_log_determinant_equals_autograd(d: int) -> None:
    flow = stirred(d)
    x = rows(4, d)
    noise, log_det = flow.to_noise(x)
    for i, row in enumerate(x):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow.to_noise(v[None])[0][0], row)
        torch.testing.assert_close(log_det[i], torch.linalg.slogdet(jacobian)[1])
    again, inverse_log_det = flow.bijection.inverse(noise, None)
    torch.testing.assert_close(again, x)
    torch.testing.assert_close(inverse_log_det, -log_det)


def test_round_trip_in_float32() -> None:
    flow = stirred(8).float()
    noise = torch.randn(1000, 8, generator=rng())
    assert (flow.to_noise(flow.from_noise(noise))[0] - noise).abs().max() < 1e-4


def test_integrates_to_one() -> None:
    flow = stirred(2)
    axis = torch.linspace(-5.3, 5.3, 301, dtype=torch.float64)
    t = torch.cartesian_prod(axis, axis)
    weight = (axis[1] - axis[0]) ** 2 * t.cosh().prod(-1)
    with torch.no_grad():
        mass = (flow.log_prob(t.sinh()).exp() * weight).sum()
    assert mass.item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("options", [{}, {"terms": 1, "probes": 1}])
def test_the_series_agrees_with_the_exact_one(options: dict[str, Any]) -> None:
    """On average over rows and repetitions, within five standard errors; each row is unbiased."""
    flow = stirred(4)
    x = rows(1, 4).expand(20_000, 4)
    with torch.no_grad():
        exact = flow.log_prob(x[:1])
        estimates = flow.log_prob(x, log_det="series", rng=rng(1), **options)
    error = estimates.std() / len(x) ** 0.5
    assert 0 < error < 0.02
    assert (estimates.mean() - exact).abs() < 5 * error


def test_the_series_gradient_agrees_with_the_exact_one() -> None:
    flow = stirred(3, transforms=1)
    x = rows(1, 3).expand(20_000, 3).clone().requires_grad_()
    each = torch.autograd.grad(flow.log_prob(x, log_det="series", rng=rng(2)).sum(), x)[0]
    exact = torch.autograd.grad(flow.log_prob(x[:1]).sum(), x)[0][0]
    error = each.std(0) / len(x) ** 0.5
    assert ((each.mean(0) - exact).abs() < 5 * error).all()


def test_it_says_of_what_kind_the_density_is() -> None:
    small, large = (ResidualFlow.create(space=Space.real(d)) for d in (2, 17))
    assert small.density.kind is DensityKind.EXACT
    assert large.density.kind is DensityKind.ESTIMATE
    assert "Hutchinson" in large.density.how
    assert large.density_of(log_det="exact").kind is DensityKind.EXACT
    with pytest.raises(OptionError):
        small.log_prob(torch.zeros(1, 2), log_det="guess")


def test_an_estimate_repeats_for_one_seed() -> None:
    flow = stirred(20)
    x = rows(5, 20)
    one, two = flow.log_prob(x, rng=rng(1)), flow.log_prob(x, rng=rng(1))
    assert torch.equal(one, two)
    assert not torch.equal(one, flow.log_prob(x, rng=rng(2)))


@pytest.mark.parametrize("d", [2, 20])
def test_networks_are_contractions_whatever_the_weights(d: int) -> None:
    torch.manual_seed(0)
    network = Contraction(d, 0, (32, 16), 0.9).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 5 * torch.randn(parameter.shape, generator=rng())
    one, two = rows(500, d), rows(500, d, seed=1)
    matrices = network.matrices()
    gap = network.value(one, None, matrices) - network.value(two, None, matrices)
    assert (gap.norm(dim=1) <= 0.9 * (one - two).norm(dim=1)).all()


def test_power_iteration_finds_the_largest_singular_value() -> None:
    torch.manual_seed(0)
    layer = BoundedLinear(20, 30, 0.8, zero=False).double().train()
    with torch.no_grad():
        layer.weight.mul_(10)
    for _ in range(200):
        layer.matrix()
    assert torch.linalg.matrix_norm(layer.matrix(), 2).item() == pytest.approx(0.8, abs=1e-4)
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    exact = layer.eval().matrix()
    assert torch.linalg.matrix_norm(exact, 2).item() == pytest.approx(0.8, abs=1e-9)
    assert all(torch.equal(layer.state_dict()[name], state[name]) for name in state)


def test_a_small_weight_is_left_as_it_is() -> None:
    layer = BoundedLinear(3, 2, 0.8, zero=True)
    for _ in range(2):
        assert layer.train().matrix().abs().sum() == 0
    assert torch.isfinite(layer.left).all()
    with torch.no_grad():
        layer.weight.fill_(0.1)
    for mode in (True, False):
        torch.testing.assert_close(layer.train(mode).matrix(), layer.weight)


def test_the_inverses_gradient_equals_differences() -> None:
    flow = stirred(3)
    noise = rows(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: flow.bijection.inverse(z, None), (noise,))
    weight = next(p for name, p in flow.named_parameters() if name.endswith("layers.1.weight"))
    gradient = torch.autograd.grad(flow.bijection.inverse(noise, None)[0].sum(), weight)[0][0, 0]
    results = []
    for step in (1e-6, -2e-6):
        with torch.no_grad():
            weight[0, 0] += step
            results.append(flow.bijection.inverse(noise, None)[0].sum())
    torch.testing.assert_close(gradient, (results[0] - results[1]) / 2e-6, rtol=1e-5, atol=1e-8)


def test_samples_carry_their_density() -> None:
    flow = stirred(3)
    x, log_prob = flow.rsample(50, rng=rng())
    torch.testing.assert_close(flow.log_prob(x), log_prob)
    x.sum().backward()
    assert all(weight.grad is not None for weight in flow.parameters())


@pytest.mark.parametrize("d", [2, 20])
def test_training_brings_the_loss_down(d: int) -> None:
    data = (0.3 * torch.randn(512, d, generator=rng())).exp() * torch.randn(1, d, generator=rng(1))
    flow = ResidualFlow.create(space=Space.real(d), transforms=2, hidden=[16])
    before = flow.eval().log_prob(data).mean()
    optimizer = torch.optim.Adam(flow.train().parameters(), 0.01)
    for step in range(60):
        loss = flow.loss(Batch(data), rng=rng(step)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert flow.eval().log_prob(data).mean() > before + 0.5


def test_conditions() -> None:
    flow = stirred(2, conditioner=Label.create(classes=3))
    x = rows(1, 2).expand(3, 2)
    mixed = flow.log_prob(x, condition=[0, 1, 2])
    single = [flow.log_prob(x[:1], condition=i) for i in range(3)]
    torch.testing.assert_close(mixed, torch.cat(single))
    assert mixed.std() > 1e-3
    noise, _ = flow.to_noise(x, condition=[0, 1, 2])
    torch.testing.assert_close(flow.from_noise(noise, condition=[0, 1, 2]), x)


def test_untrained_is_the_standard_normal() -> None:
    x = rows(20, 3).float()
    expected = torch.distributions.Normal(torch.zeros(()), 1.0).log_prob(x).sum(-1)
    flow = ResidualFlow.create(space=Space.real(3)).eval()
    torch.testing.assert_close(flow.log_prob(x), expected)


def test_what_does_not_come_to_rest_is_an_error() -> None:
    with pytest.raises(ConvergenceError, match="comes to rest"):
        fixed_point(lambda x: 2 * x + 1, torch.ones(1, 1), 0.5)


def test_a_rate_of_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="rate"):
        ResidualFlow.create(space=Space.real(2), rate=1.0)
