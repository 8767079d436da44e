"""Autoregressive flows: each feature moved by a map that the features before it choose."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.bijection import Bijection, Chain
from zoo_plugin_flows.elementwise import Elementwise
from zoo_plugin_flows.flow import FlowConfig
from zoo_plugin_flows.inverted import Inverted
from zoo_plugin_flows.masked_embedding import Embedding, Plain
from zoo_plugin_flows.masked_network import Degrees, MaskedNetwork, Shape
from zoo_plugin_flows.masked_unfolding import Unfolding


@final
class Direction(StrEnum):
    """Which direction takes one pass: data to noise (density), or noise to data (sampling).

    The other one takes as many steps as there are features.
    """

    DENSITY = "density"
    SAMPLING = "sampling"


@final
class Order(StrEnum):
    """The order of the features: turned round at each transform, or shuffled for each."""

    REVERSED = "reversed"
    RANDOM = "random"


class AutoregressiveConfig(FlowConfig):
    """The fields that every autoregressive flow has.

    transforms: number of autoregressive layers. hidden: widths of the hidden layers of each one's
    network. residual: whether a hidden layer adds to one of equal width before it. dropout: share
    of hidden units dropped in training. degrees: how hidden units' degrees are chosen. order: that
    of the features. order_seed: of random orders and degrees. direction: the one that takes one
    pass.
    """

    transforms: pydantic.PositiveInt = 5
    hidden: tuple[pydantic.PositiveInt, ...] = (64, 64)
    residual: bool = False
    dropout: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.0
    degrees: Degrees = Degrees.EVEN
    order: Order = Order.REVERSED
    order_seed: pydantic.NonNegativeInt = 0
    direction: Direction = Direction.DENSITY


@final
class Autoregressive(Bijection):
    """Moves each feature by an elementwise map, told how by the features before it.

    Masked autoregressive flow, Papamakarios et al. 2017 (arXiv:1705.07057), section 3. `forward`
    is one pass; `inverse` finds the features one after the other, computing each hidden unit once,
    as soon as what it sees is known. Where rows lie on the last axis in memory, no copy is made.
    """

    def __init__(self, elementwise: Elementwise, network: MaskedNetwork) -> None:
        super().__init__()
        self.elementwise = elementwise
        self.network = network

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map data to noise in one pass, and give the log-determinant of each row."""
        rows = x.mT.contiguous()
        z, log_slope = self.elementwise.forward(rows, self.network(rows, context))
        return z.mT, log_slope.sum(0)

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map noise to data in d steps, and give the inverse's log-determinant of each row."""
        unfolding = Unfolding(self.network, context, len(z))
        rows = z.mT.contiguous().split(1)
        found, slopes = [*rows], []
        for feature in self.network.order:
            x, log_slope = self.elementwise.inverse(rows[feature], unfolding.outputs())
            unfolding.tell(x)
            found[feature] = x
            slopes.append(log_slope)
        return torch.cat(found).mT, torch.cat(slopes).sum(0)

    def blocks(self) -> tuple[nn.Module, ...]:
        """Give the network, which `forward` calls."""
        return (self.network,)


def autoregressive_chain(
    config: AutoregressiveConfig,
    elementwise: Elementwise,
    features: int,
    context: int,
    embedding: Embedding | None = None,
) -> Bijection:
    """Build the transforms of a configuration, one after the other."""
    shape = Shape(config.hidden, config.residual, config.dropout, config.degrees)
    rng = torch.Generator().manual_seed(config.order_seed)
    links: list[Bijection] = []
    for i in range(config.transforms):
        order = _order(config.order, features, i, rng)
        network = MaskedNetwork(order, context, elementwise.width, shape, embedding or Plain(), rng)
        link = Autoregressive(elementwise, network)
        links.append(link if config.direction is Direction.DENSITY else Inverted(link))
    return Chain(links)


def _order(order: Order, features: int, transform: int, rng: torch.Generator) -> Sequence[int]:
    """Give the order of the features in a transform."""
    if order is Order.RANDOM:
        return torch.randperm(features, generator=rng).tolist()
    ascending = list(range(features))
    return ascending[::-1] if transform % 2 else ascending
