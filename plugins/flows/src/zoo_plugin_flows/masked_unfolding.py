"""A masked network computed unit by unit, as the features that it sees become known."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_flows.masked_network import MaskedNetwork


@final
class Unfolding:
    """One pass through a masked network, spread over the features in their order.

    Each unit is computed once, as soon as its degree allows, so that the steps for all features
    together cost the products of about one full pass. context, rows: that of the pass.
    """

    def __init__(
        self, network: MaskedNetwork, context: Float[Tensor, "n c"] | None, rows: int
    ) -> None:
        self.network = network
        self.place = 0
        self.weights = [layer.weight for layer in network.layers()]
        self.biases = [layer.bias[:, None] for layer in network.layers()]
        self.adds = [network.adds(i) for i in range(len(self.weights))]
        last = network.last
        self.last_weight, self.last_bias = last.weight, last.bias[..., None]
        sizes = [last.weight.shape[2]]
        if self.weights:
            columns = network.columns()
            self.weights[0] = self.weights[0][:, columns]
            sizes = [len(columns), *map(len, self.weights)]
        self.known = [_Known(last.weight.new_empty(size, rows)) for size in sizes]
        if context is not None and self.weights:
            self.known[0].append(context.mT)
            self._advance(0)

    def outputs(self) -> Float[Tensor, "width 1 n"]:
        """Compute the outputs for the next feature of the order."""
        feature = self.network.order[self.place]
        h = self.known[-1].rows()
        weight = self.last_weight[:, feature, : len(h)]
        return torch.addmm(self.last_bias[:, feature], weight, h)[:, None]

    def tell(self, x: Float[Tensor, "1 n"]) -> None:
        """Make that feature known."""
        self.place += 1
        if self.weights and self.place < len(self.network.order):
            self.known[0].append(self.network.embedding(x))
            self._advance(self.place)

    def _advance(self, degree: int) -> None:
        """Compute the units of a degree, layer by layer, from all that is known below."""
        for i, degrees in enumerate(self.network.degrees):
            start, stop = bisect_left(degrees, degree), bisect_right(degrees, degree)
            if start == stop:
                continue
            below, here = self.known[i].rows(), self.known[i + 1]
            weight, bias = self.weights[i][start:stop, : len(below)], self.biases[i][start:stop]
            y = torch.addmm(bias, weight, below, out=here.room(stop - start))
            here.append(
                self.network.activate(y.relu_(), below[start:stop] if self.adds[i] else None)
            )


@final
class _Known:
    """Rows known so far.

    They are written into one buffer, or, where gradients may need the old ones, joined anew.
    """

    def __init__(self, buffer: Tensor) -> None:
        self.joins = torch.is_grad_enabled()
        self.count = 0
        self.buffer = buffer[:0] if self.joins else buffer

    def room(self, count: int) -> Tensor | None:
        """Give the room for the next rows, if they may be written in place."""
        return None if self.joins else self.buffer[self.count : self.count + count]

    def append(self, rows: Tensor) -> None:
        """Add rows, which may have been written into their room already."""
        start, self.count = self.count, self.count + len(rows)
        if self.joins:
            self.buffer = torch.cat((self.buffer, rows))
        elif rows.data_ptr() != self.buffer[start].data_ptr():
            self.buffer[start : self.count] = rows

    def rows(self) -> Tensor:
        """Give all of them."""
        return self.buffer if self.joins else self.buffer[: self.count]
