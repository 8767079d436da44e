"""Masked networks: functions of growing prefixes of the features, all in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.masked_embedding import Embedding
from zoo_plugin_flows.masked_layer import MaskedLayer


@final
class Degrees(StrEnum):
    """How the degrees of hidden units are chosen: evenly, or at random."""

    EVEN = "even"
    RANDOM = "random"


class Shape(NamedTuple):
    """What a masked network is like inside.

    hidden: widths of the hidden layers. residual: whether a layer as wide as the one before adds
    to it. dropout: share of hidden units set to zero in training. degrees: how they are chosen.
    """

    hidden: tuple[int, ...]
    residual: bool = False
    dropout: float = 0.0
    degrees: Degrees = Degrees.EVEN


@final
class MaskedNetwork(nn.Module):
    """A perceptron whose outputs for a feature see only the features before it, and the context.

    MADE, Germain et al. 2015 (arXiv:1502.03509), equations 8 to 13. A unit of degree m sees the m
    first features of the order; units are sorted by degree. With neither features before nor a
    context there is nothing to see, and an output is its bias.

    order: the features, first one first. context: its width (0: none). width: outputs a feature.
    embedding: how features enter. rng: of random degrees.
    """

    def __init__(
        self,
        order: Sequence[int],
        context: int,
        width: int,
        shape: Shape,
        embedding: Embedding,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        self.order, self.context, self.width = tuple(order), context, width
        self.embedding, self.residual = embedding, shape.residual
        self.dropout = nn.Dropout(shape.dropout)
        seen = _degrees_of_inputs(self.order, context, embedding.width)
        places = _places(self.order)
        layers = _hidden_degrees(len(order), context, shape, rng)
        self.degrees = [degrees.tolist() for degrees in layers]
        ladder = [seen, *layers]
        self.hidden = nn.ModuleList(
            MaskedLayer(above[:, None] >= below, rectified=True)
            for below, above in pairwise(ladder)
        )
        self.last = MaskedLayer(places[:, None] >= ladder[-1], width, zero=True)

    def forward(
        self, x: Float[Tensor, "d n"], context: Float[Tensor, "n c"] | None
    ) -> Float[Tensor, "width d n"]:
        """Compute the outputs for all features."""
        h = self.embedding(x)
        if context is not None:
            h = torch.cat((context.mT, h))
        for i, layer in enumerate(self.layers()):
            h = self.activate(layer(h), h if self.adds(i) else None)
        return self.last(h)

    def adds(self, layer: int) -> bool:
        """Whether a hidden layer adds to the one before."""
        return self.residual and layer > 0 and self.degrees[layer] == self.degrees[layer - 1]

    def activate(
        self, y: Float[Tensor, "units n"], below: Float[Tensor, "units n"] | None
    ) -> Float[Tensor, "units n"]:
        """Apply what follows a hidden layer's rectifier; below: what the layer adds to."""
        if self.training and self.dropout.p:
            y = self.dropout(y)
        return y if below is None else y + below

    def columns(self) -> list[int]:
        """Give the order in which the inputs become known."""
        width, context = self.embedding.width, self.context
        features = [context + f * width + i for f in self.order for i in range(width)]
        return [*range(context), *features]

    def layers(self) -> list[MaskedLayer]:
        """Give the hidden layers."""
        return [layer for layer in self.hidden if isinstance(layer, MaskedLayer)]


def _degrees_of_inputs(order: tuple[int, ...], context: int, entries: int) -> Tensor:
    """Give each input's degree: 0 of the context, then places counted from one."""
    features = (_places(order) + 1).repeat_interleave(entries)
    return torch.cat((torch.zeros(context, dtype=torch.int64), features))


def _places(order: tuple[int, ...]) -> Tensor:
    """Give each feature's place in the order."""
    return torch.argsort(torch.tensor(order, dtype=torch.int64))


def _hidden_degrees(
    features: int, context: int, shape: Shape, rng: torch.Generator
) -> list[Tensor]:
    """Choose the sorted degrees of each hidden layer, from what sees anything to features - 1."""
    least = 0 if context else 1
    count = features - least
    layers: list[Tensor] = []
    for units in shape.hidden if count else ():
        if shape.residual and layers and len(layers[-1]) == units:
            degrees = layers[-1]
        elif shape.degrees is Degrees.RANDOM:
            degrees = torch.randint(count, (units,), generator=rng) + least
        elif units >= count:
            degrees = torch.arange(units) % count + least
        else:
            degrees = torch.linspace(least, features - 1, units).round().long()
        layers.append(degrees.sort().values)
    return layers
