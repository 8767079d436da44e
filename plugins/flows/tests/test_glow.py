"""Glow: its log-determinant, its levels, its conditions."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.conditioners.label import Label
from zoo_core.errors import ConfigError
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.glow import Glow


def stirred(space: Space, scale: float = 0.1, **fields: object) -> Glow:
    """Build a small Glow away from its start."""
    flow = Glow.create(space=space, **{"levels": 2, "steps": 2, "hidden": 8, **fields})
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=rng)
    told = [0, 1] * 50 if flow.is_conditional else None
    flow.train().log_prob(images(flow, 100), condition=told)
    return flow.eval()


def images(flow: Glow, n: int, seed: int = 1) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    if flow.space.n_levels is not None:
        return torch.randint(flow.space.n_levels, (n, *flow.space.shape), generator=rng)
    return 2 * torch.randn(n, *flow.space.shape, generator=rng, dtype=flow.dtype) + 1


@pytest.mark.parametrize(("shape", "levels"), [((4, 4), 2), ((3, 4, 8), 1), ((2, 8, 8), 3)])
def test_log_determinant_equals_autograd(shape: tuple[int, ...], levels: int) -> None:
    flow = stirred(Space.real(*shape), levels=levels).double()
    x = images(flow, 2)
    noise, log_det = flow.to_noise(x)
    jacobian = torch.autograd.functional.jacobian(lambda v: flow.to_noise(v[None])[0][0], x[0])
    expected = torch.linalg.slogdet(jacobian.reshape(noise.shape[1], -1))[1]
    torch.testing.assert_close(log_det[0], expected)
    _, inverse_log_det = flow.bijection.inverse(noise, None)
    torch.testing.assert_close(inverse_log_det, -log_det)


@pytest.mark.parametrize(("shape", "levels"), [((8, 8), 3), ((3, 16, 16), 2), ((5, 6, 10), 1)])
def test_round_trip_in_float32(shape: tuple[int, ...], levels: int) -> None:
    flow = stirred(Space.real(*shape), scale=0.05, levels=levels)
    x = images(flow, 20)
    noise, _ = flow.to_noise(x)
    assert noise.shape == (20, math.prod(shape))
    assert (flow.from_noise(noise) - x).abs().max() < 1e-4


def test_each_level_makes_half_of_what_is_left() -> None:
    flow = stirred(Space.real(3, 16, 16), levels=3)
    assert flow.bijection._sizes() == [384, 192, 192]  # pyright: ignore
    assert flow.bijection._last_shape() == (2, 2, 48)  # pyright: ignore


def test_the_first_noise_is_that_of_the_finest_details() -> None:
    """Redrawing it leaves what the deeper levels make of the image as it is."""
    flow = stirred(Space.real(1, 8, 8)).double()
    noise, _ = flow.to_noise(images(flow, 3))
    other = noise.clone()
    other[:, :32] = torch.randn(3, 32, generator=torch.Generator().manual_seed(5)).double()
    again, _ = flow.to_noise(flow.from_noise(other))
    torch.testing.assert_close(again, other)


def test_untrained_is_the_standard_normal() -> None:
    flow = Glow.create(space=Space.real(3, 8, 8)).eval()
    x = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = -0.5 * x.square().sum((1, 2, 3)) - 0.5 * x[0].numel() * math.log(2 * math.pi)
    torch.testing.assert_close(flow.log_prob(x), expected, atol=1e-2, rtol=1e-4)


def test_rows_do_not_depend_on_each_other() -> None:
    flow = stirred(Space.real(3, 4, 4)).double()
    x = images(flow, 4)
    alone = torch.cat([flow.log_prob(row[None]) for row in x])
    torch.testing.assert_close(flow.log_prob(x), alone)


def test_every_weight_learns() -> None:
    flow = stirred(Space.real(2, 4, 4), conditioner=Label.create(classes=3))
    flow.train().log_prob(images(flow, 9), condition=[0, 1, 2] * 3).sum().backward()
    missing = [name for name, weight in flow.named_parameters() if weight.grad is None]
    assert not missing


def test_a_mixed_batch_equals_single_ones() -> None:
    flow = stirred(Space.real(4, 4), conditioner=Label.create(classes=3)).double()
    x = images(flow, 3)
    mixed = flow.log_prob(x, condition=[0, 1, 2])
    single = [flow.log_prob(x[i : i + 1], condition=i) for i in range(3)]
    torch.testing.assert_close(mixed, torch.cat(single))
    assert not torch.allclose(flow.log_prob(x, condition=0), flow.log_prob(x, condition=1))
    noise, _ = flow.to_noise(x, condition=[0, 1, 2])
    torch.testing.assert_close(flow.from_noise(noise, condition=[0, 1, 2]), x)


def test_a_loaded_model_is_initialised(tmp_path: Path) -> None:
    flow = stirred(Space.real(2, 4, 4))
    zoo.save(flow, tmp_path / "glow")
    again = zoo.load(tmp_path / "glow")
    x = images(flow, 5)
    torch.testing.assert_close(again.log_prob(x), flow.log_prob(x), atol=0, rtol=0)
    buffers = {name: buffer.clone() for name, buffer in again.named_buffers()}
    again.train().log_prob(10 * x)
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in again.named_buffers())


def test_codes_and_temperature() -> None:
    flow = stirred(Space.ordinal(256, 3, 4, 4))
    x = flow.sample(6, rng=torch.Generator().manual_seed(0))
    assert isinstance(x, Tensor)
    assert x.dtype is torch.int64
    assert tuple(x.shape) == (6, 3, 4, 4)
    assert torch.isfinite(flow.log_prob(x)).all()
    real = stirred(Space.real(4, 4))
    warm, _ = real.to_noise(real.sample(50, rng=torch.Generator().manual_seed(0)))
    cold, _ = real.to_noise(real.sample(50, rng=torch.Generator().manual_seed(0), temperature=0.5))
    torch.testing.assert_close(2 * cold, warm, atol=1e-3, rtol=1e-3)


def test_the_density_integrates_to_one() -> None:
    """An image of 2 × 2 pixels, by importance sampling from a wide normal distribution."""
    flow = stirred(Space.real(2, 2), levels=1).double()
    drawn = flow.sample(5000, rng=torch.Generator().manual_seed(0))
    assert isinstance(drawn, Tensor)
    samples = drawn.flatten(1)
    wide = torch.distributions.MultivariateNormal(samples.mean(0), 2 * samples.T.cov())
    torch.manual_seed(0)
    x = wide.sample((100_000,))
    with torch.no_grad():
        weight = (flow.log_prob(x.view(-1, 2, 2)) - wide.log_prob(x)).exp()
    error = float(weight.std()) / len(weight) ** 0.5
    assert error < 0.01
    assert float(weight.mean()) == pytest.approx(1, abs=5 * error)


@pytest.mark.parametrize(
    ("space", "rule"),
    [
        (Space.real(3, 6, 8), "divisible by 4"),
        (Space.real(5, 5), "divisible by 4"),
        (Space.real(8), "images"),
        (Space.real(1, 1, 4, 4), "images"),
    ],
)
def test_what_cannot_be_squeezed_is_refused(space: Space, rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        Glow.create(space=space)
