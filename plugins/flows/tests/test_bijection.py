"""The map between data and noise: its inverse, its log-determinant, its numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from zoo_core.errors import ConfigError, DataError
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.nsf import NSF
from zoo_plugin_flows.realnvp import RealNVP

Make = Callable[..., Flow]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8])
def test_log_determinant_equals_autograd(make: Make, d: int) -> None:
    flow = make(Space.real(d)).double()
    for row in torch.randn(6, d, generator=rng(), dtype=torch.float64) * 2:
        jacobian = torch.autograd.functional.jacobian(lambda x: flow.to_noise(x[None])[0][0], row)
        _, log_det = flow.to_noise(row[None])
        torch.testing.assert_close(log_det[0], torch.linalg.slogdet(jacobian)[1])
        _, inverse_log_det = flow.bijection.inverse(flow.to_noise(row[None])[0], None)
        torch.testing.assert_close(inverse_log_det, -log_det)


@pytest.mark.parametrize("d", [1, 2, 7, 64])
def test_round_trip_in_float32(make: Make, d: int) -> None:
    flow = make(Space.real(d), scale=0.1)
    x = flow.sample(2000, rng=rng())
    noise, _ = flow.to_noise(x)
    assert (flow.from_noise(noise) - x).abs().max() < 1e-4
    start = torch.randn(2000, d, generator=rng(1))
    again, _ = flow.to_noise(flow.from_noise(start))
    assert (again - start).abs().max() < 1e-4


def test_log_prob_is_that_of_the_noise(make: Make) -> None:
    flow = make(Space.real(2, 3)).double()
    x = torch.randn(10, 2, 3, generator=rng(), dtype=torch.float64)
    noise, log_det = flow.to_noise(x)
    normal = torch.distributions.Normal(torch.zeros(()), 1.0)
    torch.testing.assert_close(flow.log_prob(x), normal.log_prob(noise).sum(-1) + log_det)


def test_untrained_is_the_standard_normal(family: type[Flow]) -> None:
    x = torch.randn(20, 3, generator=rng())
    expected = torch.distributions.Normal(torch.zeros(()), 1.0).log_prob(x).sum(-1)
    torch.testing.assert_close(family.create(space=Space.real(3)).log_prob(x), expected)


def test_every_feature_moves(make: Make) -> None:
    x = torch.randn(50, 5, generator=rng())
    noise, _ = make(Space.real(5)).to_noise(x)
    assert (noise != x).any(0).all()


def test_rows_do_not_depend_on_each_other(make: Make) -> None:
    flow = make(Space.real(3)).double()
    x = torch.randn(7, 3, generator=rng(), dtype=torch.float64)
    alone = torch.cat([flow.log_prob(row[None]) for row in x])
    torch.testing.assert_close(flow.log_prob(x), alone, atol=1e-12, rtol=1e-12)


def test_float64_and_float32_agree(make: Make) -> None:
    flow = make(Space.real(4), scale=0.2)
    x = torch.randn(100, 4, generator=rng())
    single = flow.log_prob(x)
    double = flow.double().log_prob(x.double())
    assert single.dtype is torch.float32
    assert double.dtype is torch.float64
    torch.testing.assert_close(single.double(), double, atol=1e-3, rtol=1e-4)


def test_gradients_are_finite_far_out(make: Make) -> None:
    flow = make(Space.real(2), scale=1.0)
    x = torch.tensor([[5.0, -5.0], [50.0, 0.0], [-1e3, 1e3], [0.0, 0.0]], requires_grad=True)
    flow.log_prob(x).sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()
    for parameter in flow.parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all()


@pytest.mark.parametrize("space", [Space.real(), Space.real(2, 3), Space.unit(4), Space.binary(3)])
def test_shapes_and_kinds(make: Make, space: Space) -> None:
    flow = make(space)
    x = flow.sample(5, rng=rng())
    assert tuple(x.shape) == (5, *space.shape)
    assert torch.isfinite(flow.log_prob(x)).all()
    assert x.dtype == (torch.int64 if space.kind.discrete else torch.float32)


def test_temperature_scales_the_noise(make: Make) -> None:
    flow = make(Space.real(2))
    cold, _ = flow.to_noise(flow.sample(100, rng=rng(), temperature=0.5))
    warm, _ = flow.to_noise(flow.sample(100, rng=rng()))
    torch.testing.assert_close(cold * 2, warm, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"space": Space.angle(2)}, "angle data"),
        ({"space": Space.categorical(3, 2)}, "categorical data"),
        ({"space": Space.real(2, missing=True)}, "no missing values"),
        ({"space": Space.real(0)}, "whole arrays"),
        ({"space": Space.unit(2), "preprocessing": []}, "needs the step `logit`"),
        (
            {"space": Space.binary(2), "preprocessing": [{"step": "standardize"}]},
            "needs the step `dequantize`",
        ),
        ({"space": Space.real(2), "preprocessing": [{"step": "logit"}]}, "between 0 and 1"),
        ({"space": Space.real(2), "dropout": 1.0}, "dropout"),
        ({"space": Space.real(2), "transforms": 0}, "transforms"),
    ],
)
def test_wrong_configurations_are_refused(
    family: type[Flow], fields: dict[str, object], rule: str
) -> None:
    with pytest.raises(ConfigError, match=rule):
        family.create(**fields)


def test_preprocessing_can_be_chosen(family: type[Flow]) -> None:
    steps = [{"step": "dequantize"}, {"step": "logit", "alpha": 0.01}]
    flow = family.create(space=Space.ordinal(4, 3), preprocessing=steps)
    assert [step.step for step in flow.config.preprocessing] == ["dequantize", "logit"]
    assert family.Config.parse(flow.config.to_json()) == flow.config


def test_the_usual_preprocessing_is_written_into_the_configuration(family: type[Flow]) -> None:
    flow = family.create(space=Space.ordinal(4, 3))
    steps = [step["step"] for step in flow.config.to_json()["preprocessing"]]
    assert steps == ["dequantize", "logit", "standardize"]


def test_too_many_bins_are_refused() -> None:
    with pytest.raises(ConfigError, match="minimum"):
        NSF.create(space=Space.real(2), bins=100, minimum=0.01)


def test_noise_of_a_wrong_width_is_refused() -> None:
    with pytest.raises(DataError, match="Noise"):
        RealNVP.create(space=Space.real(2)).from_noise(torch.zeros(3, 4))
