"""zuko's flows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import zuko
from torch import Tensor

from others.case import Case, moons, trained
from zoo_core.interfaces.space import Space

FLOWS = {
    "NSF": lambda: zuko.flows.NSF(2, transforms=3, hidden_features=(32, 32)),
    "MAF": lambda: zuko.flows.MAF(2, transforms=3, hidden_features=(32, 32)),
    "RealNVP": lambda: zuko.flows.RealNVP(2, transforms=3, hidden_features=(32, 32)),
    "NAF": lambda: zuko.flows.NAF(2, transforms=1, hidden_features=(32, 32), signal=8),
    "UNAF": lambda: zuko.flows.UNAF(2, transforms=1, hidden_features=(16, 16), signal=4),
    "SOSPF": lambda: zuko.flows.SOSPF(2, transforms=2, hidden_features=(32, 32)),
    "BPF": lambda: zuko.flows.BPF(2, transforms=2, hidden_features=(32, 32)),
    "GF": lambda: zuko.flows.GF(2, transforms=2, hidden_features=(32, 32)),
    "GMM": lambda: zuko.flows.GMM(2, components=3),
    "CNF": lambda: zuko.flows.CNF(2, hidden_features=(32, 32)),
}


def cases() -> Iterator[Case]:
    """Give each flow, trained on moons; the circular one on angles."""
    for name, build in FLOWS.items():
        torch.manual_seed(0)
        yield _case(name, build().double(), Space.real(2), moons())
    torch.manual_seed(0)
    circular = zuko.flows.NCSF(2, transforms=3, hidden_features=(32, 32)).double()
    yield _case("NCSF", circular, Space.angle(2), moons().clamp(-3, 3))


def _case(name: str, flow: zuko.flows.LazyDistribution, space: Space, x: Tensor) -> Case:
    trained(flow.parameters(), lambda rows: -flow().log_prob(rows), x)
    return Case(
        "zuko",
        name,
        lambda rows: flow().log_prob(rows),
        lambda n: flow().sample((n,)).detach(),
        space,
    )
