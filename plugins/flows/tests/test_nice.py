"""NICE: volumes are kept but for the scaling."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from zoo_core.conditioners.label import Label
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.nice import NICE


def stirred(d: int, **fields: Any) -> NICE:
    flow = NICE.create(space=Space.real(d), hidden=[16, 16], **fields)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=rng)
    return flow.double().eval()


@pytest.mark.parametrize("d", [1, 2, 5])
def test_log_determinant_equals_autograd(d: int) -> None:
    flow = stirred(d)
    x = torch.randn(3, d, generator=torch.Generator().manual_seed(0)).double()
    noise, log_det = flow.to_noise(x)
    for i, row in enumerate(x):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow.to_noise(v[None])[0][0], row)
        torch.testing.assert_close(log_det[i], torch.linalg.slogdet(jacobian)[1])
    torch.testing.assert_close(log_det, log_det[:1].expand(3))
    torch.testing.assert_close(flow.from_noise(noise), x)


def test_integrates_to_one() -> None:
    flow = stirred(2)
    axis = torch.linspace(-25, 25, 501, dtype=torch.float64)
    with torch.no_grad():
        mass = flow.log_prob(torch.cartesian_prod(axis, axis)).exp().sum() * 0.1**2
    assert mass.item() == pytest.approx(1, abs=1e-3)


def test_a_condition_changes_the_density() -> None:
    flow = stirred(3, conditioner=Label.create(classes=2))
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).double()
    one, two = flow.log_prob(x, condition=0), flow.log_prob(x, condition=1)
    assert not torch.allclose(one, two)
    mixed = flow.log_prob(x, condition=[0, 1, 0, 1])
    torch.testing.assert_close(mixed, torch.where(torch.arange(4) % 2 == 0, one, two))


def test_untrained_is_the_standard_normal() -> None:
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.distributions.Normal(torch.zeros(()), 1.0).log_prob(x).sum(-1)
    torch.testing.assert_close(NICE.create(space=Space.real(3)).log_prob(x), expected)
