"""A masked network computed unit by unit, as the features that it sees become known."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_flows.masked_network import MaskedNetwork

SMALL = 128
"""Rows up to which a product with zeros costs less than a call that leaves them out."""


@final
class Unfolding:
    """One pass through a masked network, spread over the features in their order.

    Each unit is computed once, as soon as its degree allows, so that the steps for all features
    together cost the products of about one full pass. Small steps are bound by the number of
    calls: what can be cut up beforehand is. context, rows: that of the pass.
    """

    def __init__(
        self, network: MaskedNetwork, context: Float[Tensor, "n c"] | None, rows: int
    ) -> None:
        self.network = network
        self.place = 0
        self.last = network.last.weight.unbind(1)
        self.last_bias = network.last.bias[..., None].unbind(1)
        self.layers = [_Layer(network, i, rows) for i in range(len(network.degrees))]
        inputs = network.context + len(network.order) * network.embedding.width
        self.inputs = _Known(network.last.weight, inputs if self.layers else 0, rows)
        self.top = self.layers[-1].units if self.layers else self.inputs
        if context is not None and self.layers:
            self.inputs.append(context.mT, None)
            self._advance(0)

    def outputs(self) -> Float[Tensor, "width 1 n"]:
        """Compute the outputs for the next feature of the order."""
        feature, h = self.network.order[self.place], self.top.rows
        weight = self.top.meeting(self.last[feature])
        return torch.addmm(self.last_bias[feature], weight, h).unsqueeze(1)

    def tell(self, x: Float[Tensor, "1 n"]) -> None:
        """Make that feature known."""
        self.place += 1
        if self.layers and self.place < len(self.network.order):
            self.inputs.append(self.network.embedding(x), None)
            self._advance(self.place)

    def _advance(self, degree: int) -> None:
        """Compute the units of a degree, layer by layer."""
        below = self.inputs
        for layer in self.layers:
            layer.advance(degree, below)
            below = layer.units


@final
class _Layer:
    """A hidden layer of the pass: its weights cut up by degree, and its units known so far."""

    def __init__(self, network: MaskedNetwork, index: int, rows: int) -> None:
        layer, degrees = network.layers()[index], network.degrees[index]
        weight = layer.weight if index else layer.weight[:, network.columns()]
        counts = [degrees.count(degree) for degree in range(len(network.order))]
        self.weights = weight.split(counts)
        self.biases = layer.bias[:, None].split(counts)
        self.counts = counts
        self.adds = network.adds(index)
        self.activate = network.activate
        self.units = _Known(weight, len(degrees), rows)

    def advance(self, degree: int, below: _Known) -> None:
        """Compute the units of a degree from all that is known below."""
        if not self.counts[degree]:
            return
        start, room = self.units.count, self.units.room(self.counts[degree])
        weight = below.meeting(self.weights[degree])
        y = torch.addmm(self.biases[degree], weight, below.rows, out=room).relu_()
        beneath = below.rows[start : start + len(y)] if self.adds else None
        self.units.append(self.activate(y, beneath), room)


@final
class _Known:
    """Rows known so far.

    They are written into one buffer, or, where gradients may need the old ones, joined anew. Of a
    small buffer all rows are used at once, since those not known yet are zero.
    """

    def __init__(self, like: Tensor, size: int, rows: int) -> None:
        self.joins = torch.is_grad_enabled()
        self.count = 0
        self.buffer = like.new_zeros(0 if self.joins else size, rows)
        self.whole = 0 < size <= SMALL and not self.joins
        self.rows = self.buffer if self.whole else self.buffer[:0]

    def meeting(self, weight: Tensor) -> Tensor:
        """Give the columns of a weight that meet the rows."""
        return weight if self.whole else weight.narrow(1, 0, self.count)

    def room(self, count: int) -> Tensor | None:
        """Give the room for the next rows, if they may be written in place."""
        return None if self.joins else self.buffer.narrow(0, self.count, count)

    def append(self, rows: Tensor, room: Tensor | None) -> None:
        """Add rows; room: where they have been written already, if they have."""
        start, self.count = self.count, self.count + len(rows)
        if self.joins:
            self.rows = torch.cat((self.rows, rows))
            return
        if rows is not room:
            self.buffer.narrow(0, start, len(rows)).copy_(rows)
        if not self.whole:
            self.rows = self.buffer.narrow(0, 0, self.count)
