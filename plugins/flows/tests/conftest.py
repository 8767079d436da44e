"""Flows with weights far from the identity, and conditions for the conditional ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from zoo_core.conditioners.label import Label
from zoo_core.conditioners.vector import Vector
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.iaf import IAF
from zoo_plugin_flows.maf import MAF
from zoo_plugin_flows.nsf import NSF
from zoo_plugin_flows.nsf_autoregressive import NSFAutoregressive
from zoo_plugin_flows.realnvp import RealNVP

FAMILIES = {
    "nsf": NSF,
    "realnvp": RealNVP,
    "maf": MAF,
    "iaf": IAF,
    "nsf-autoregressive": NSFAutoregressive,
}


def stirred(flow: Flow, scale: float = 0.1, seed: int = 0) -> Flow:
    """Add noise to every weight, since a new flow is the identity; in evaluation mode."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=rng, dtype=parameter.dtype)
    return flow.eval()


@pytest.fixture(params=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> type[Flow]:
    """The families that start as the identity, in turn."""
    return FAMILIES[request.param]


@pytest.fixture
def make(family: type[Flow]) -> Callable[..., Flow]:
    """Build a small, stirred flow of the family."""

    def build(space: Space, scale: float = 0.1, **fields: object) -> Flow:
        return stirred(family.create(space=space, transforms=4, hidden=[16, 16], **fields), scale)

    return build


@pytest.fixture(params=["label", "vector"])
def told(request: pytest.FixtureRequest) -> tuple[dict[str, object], list[object]]:
    """The fields of a conditional flow, and three conditions for it."""
    if request.param == "label":
        return {"conditioner": Label.create(classes=3)}, [0, 1, 2]
    values = [torch.tensor(v) for v in ([0.0, 0.0], [1.0, -1.0], [-2.0, 0.5])]
    return {"conditioner": Vector.create(width=2)}, list(values)
