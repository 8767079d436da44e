"""nflows' flows and densities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from nflows.distributions import StandardNormal
from nflows.flows import Flow, MaskedAutoregressiveFlow, SimpleRealNVP
from nflows.nn.nde import MixtureOfGaussiansMADE
from nflows.nn.nets import ResidualNet
from nflows.transforms import (
    CompositeTransform,
    LULinear,
    PiecewiseCubicCouplingTransform,
    PiecewiseQuadraticCouplingTransform,
    PiecewiseRationalQuadraticCouplingTransform,
)
from nflows.transforms.autoregressive import (
    MaskedPiecewiseRationalQuadraticAutoregressiveTransform,
)
from torch import Tensor, nn

from others.case import Case, moons, trained
from zoo_core.interfaces.space import Space


def _network(inputs: int, outputs: int) -> nn.Module:
    return ResidualNet(inputs, outputs, hidden_features=32)


def _coupling(kind: type, **settings: object) -> Flow:
    masks = ([1, 0], [0, 1], [1, 0])
    layers = [
        kind(m, _network, num_bins=8, tails="linear", tail_bound=3.0, **settings) for m in masks
    ]
    return Flow(CompositeTransform([*layers, LULinear(2)]), StandardNormal([2]))


def _autoregressive() -> Flow:
    layer = MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
        features=2, hidden_features=32, num_bins=8, tails="linear", tail_bound=3.0
    )
    return Flow(CompositeTransform([LULinear(2), layer]), StandardNormal([2]))


FLOWS = {
    "MaskedAutoregressiveFlow": lambda: MaskedAutoregressiveFlow(2, 32, 3, 2),
    "SimpleRealNVP": lambda: SimpleRealNVP(2, 32, 4, 2),
    "rational-quadratic coupling": lambda: _coupling(PiecewiseRationalQuadraticCouplingTransform),
    "quadratic coupling": lambda: _coupling(PiecewiseQuadraticCouplingTransform),
    "cubic coupling": lambda: _coupling(PiecewiseCubicCouplingTransform),
    "rational-quadratic autoregressive": _autoregressive,
}


def cases() -> Iterator[Case]:
    """Give each flow, trained on moons, and the mixture of Gaussians MADE."""
    for name, build in FLOWS.items():
        torch.manual_seed(0)
        yield _case(name, build())
    torch.manual_seed(0)
    # Its `sample` asks a context for its shape, so that without one there are no samples.
    mixture = MixtureOfGaussiansMADE(2, 32, num_mixture_components=3)
    yield _case("MixtureOfGaussiansMADE", mixture, samples=False)


def _case(name: str, model: Any, *, samples: bool = True) -> Case:
    """Train in float32: its base distribution samples in nothing else."""
    trained(model.parameters(), lambda x: -model.log_prob(x), moons().float())
    model.eval()

    def sample(n: int) -> Tensor:
        with torch.no_grad():
            return model.sample(n).reshape(n, 2).double()

    def log_prob(x: Tensor) -> Tensor:
        return model.log_prob(x.float()).double()

    return Case("nflows", name, log_prob, sample if samples else None, Space.real(2))
