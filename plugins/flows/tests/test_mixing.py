"""Coupling flows with normalisations and mixing maps between their layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.actnorm import ActNorm
from zoo_plugin_flows.coupling import CouplingStack
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.nice import NICE
from zoo_plugin_flows.nsf import NSF
from zoo_plugin_flows.realnvp import RealNVP

CHOICES = [
    {"mixing": "permutation"},
    {"mixing": "lu", "normalization": "actnorm"},
    {"mixing": "lu", "normalization": "batch"},
    {"normalization": "batch"},
]


def rows(n: int, d: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, d, generator=rng) + 1


def trained_once(flow: Flow, scale: float = 0.1) -> Flow:
    """Stir the weights, and let the normalisations see data."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=rng)
    for seed in range(3):
        flow.train().loss(Batch(rows(300, flow.space.size, seed)))
    return flow.eval()


@pytest.fixture(params=CHOICES, ids=lambda choice: " ".join(choice.values()))
def choice(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param


@pytest.mark.parametrize("family", [RealNVP, NSF, NICE])
@pytest.mark.parametrize("d", [1, 3])
def test_log_determinant_equals_autograd(
    family: type[Flow], d: int, choice: dict[str, Any]
) -> None:
    flow = family.create(space=Space.real(d), transforms=5, hidden=[8], **choice)
    flow = trained_once(flow).double()
    x = rows(3, d).double()
    noise, log_det = flow.to_noise(x)
    for i, row in enumerate(x):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow.to_noise(v[None])[0][0], row)
        torch.testing.assert_close(log_det[i], torch.linalg.slogdet(jacobian)[1])
    torch.testing.assert_close(flow.from_noise(noise), x)


def test_integrates_to_one(choice: dict[str, Any]) -> None:
    flow = RealNVP.create(space=Space.real(2), transforms=4, hidden=[8], **choice)
    flow = trained_once(flow, 0.2).double()
    axis = torch.linspace(-5.3, 5.3, 301, dtype=torch.float64)
    t = torch.cartesian_prod(axis, axis)
    weight = (axis[1] - axis[0]) ** 2 * t.cosh().prod(-1)
    with torch.no_grad():
        mass = (flow.log_prob(t.sinh()).exp() * weight).sum()
    assert mass.item() == pytest.approx(1, abs=1e-3)


def test_without_any_the_weights_are_those_of_the_couplings_alone() -> None:
    flow = RealNVP.create(space=Space.real(3), transforms=4)
    assert isinstance(flow.bijection, CouplingStack)


def test_the_seed_decides_the_mixing(choice: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"space": Space.real(6), "hidden": [8], **choice}
    one, two = RealNVP.create(**fields, seed=1), RealNVP.create(**fields, seed=1)
    other = RealNVP.create(**fields, seed=2)
    same, different = two.state_dict(), other.state_dict()
    assert all(torch.equal(value, same[name]) for name, value in one.state_dict().items())
    assert any(not torch.equal(value, different[name]) for name, value in one.state_dict().items())


def test_the_first_batch_initialises_every_layer() -> None:
    """Each layer sees what the normalised ones before it make of the batch."""
    flow = RealNVP.create(
        space=Space.real(4), transforms=6, mixing="lu", normalization="actnorm", preprocessing=[]
    )
    flow.train()
    noise, _ = flow.to_noise(100 * rows(500, 4) + 1000)
    norms = [module for module in flow.modules() if isinstance(module, ActNorm)]
    assert len(norms) == 3
    assert all(bool(norm.initialized) for norm in norms)
    torch.testing.assert_close(noise.T.cov(), torch.eye(4), atol=0.2, rtol=0)
    torch.testing.assert_close(noise.mean(0), torch.zeros(4), atol=1e-3, rtol=0)
