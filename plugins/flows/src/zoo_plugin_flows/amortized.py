"""Parameters of a bijection that a context moves."""

from __future__ import annotations

import math
from typing import final

import pydantic
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.flow import FlowConfig
from zoo_plugin_flows.networks import CouplingNetwork

_AT_ZERO = math.log(math.e - 1)
"""Where softplus is one."""


@final
class AmortizedConfig(FlowConfig):
    """Fields of a planar or a radial flow.

    transforms: number of its maps. hidden: widths of the hidden layers of the networks that give a
    conditional flow's parameters.
    """

    transforms: pydantic.PositiveInt = 16
    hidden: tuple[pydantic.PositiveInt, ...] = (64,)


@final
class Amortized(nn.Module):
    """Learned parameters, plus what a network makes of the context, where there is one.

    start: the parameters at first. context: width of the context (0: none). hidden: widths of the
    network's hidden layers; it starts at zero.
    """

    def __init__(
        self, start: Float[Tensor, " width"], context: int, hidden: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.start = nn.Parameter(start)
        self.network = CouplingNetwork(context, hidden, len(start), 0.0) if context else None

    def forward(self, context: Float[Tensor, "n c"] | None) -> Float[Tensor, "m width"]:
        """Give the parameters of each row, or in one row those of all."""
        start = self.start[None]
        if self.network is None or context is None:
            return start
        return start + self.network(context).mT


def stretch_of(free: Tensor) -> Tensor:
    """Give log(1 + (e − 1)eᵃ) for a free a: positive, and one at zero."""
    return nn.functional.softplus(free + _AT_ZERO)
