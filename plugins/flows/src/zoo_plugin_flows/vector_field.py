"""The vector field of a continuous flow: a network of place and time, with its derivatives."""

from __future__ import annotations

import math
from itertools import chain, pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn


@final
class TimeLayer(nn.Module):
    """(W a + b + U c) ⊙ σ(g t + h) + s t: a linear layer whose outputs time gates and shifts.

    The layer `concatsquash` of FFJORD, Grathwohl et al. 2019 (arXiv:1810.01367), appendix B.
    inputs, outputs, context: widths (context 0: none). With `silent`, everything but the gate
    starts at zero.
    """

    def __init__(self, inputs: int, outputs: int, context: int, *, silent: bool) -> None:
        super().__init__()
        bound = 0.0 if silent else 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))
        self.gate = nn.Parameter(torch.empty(2, outputs).uniform_(-1, 1))
        self.shift = nn.Parameter(torch.zeros(outputs))
        self.context = nn.Linear(context, outputs, bias=False) if context else None
        if silent and self.context is not None:
            nn.init.zeros_(self.context.weight)

    def offset(self, context: Float[Tensor, "n c"] | None) -> Tensor:
        """Give b + U c, which time does not change: [n, outputs], or [outputs] without context."""
        return self.bias if self.context is None else self.context(context) + self.bias

    def at(self, offset: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Give the weight and the offset that the layer has at time t.

        The gate is put into them: it is cheaper on the weight than on a batch.
        """
        gate = torch.sigmoid(torch.addcmul(self.gate[1], self.gate[0], t))
        return self.weight * gate.unsqueeze(1), torch.addcmul(self.shift * t, offset, gate)


@final
class VectorField(nn.Module):
    """f(x, t, context), the velocity of each row, by a perceptron of time layers with tanh.

    features, context: widths of x and of the context (0: none). hidden: widths of the hidden
    layers. A new field is zero everywhere, so that the flow starts as the identity.
    """

    def __init__(self, features: int, context: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        widths = [*pairwise((features, *hidden, features))]
        self.layers = nn.ModuleList(
            TimeLayer(a, b, context, silent=i == len(hidden)) for i, (a, b) in enumerate(widths)
        )

    def offsets(self, context: Float[Tensor, "n c"] | None) -> tuple[Tensor, ...]:
        """Give what each layer adds whatever the time: once for a whole solution."""
        return tuple(layer.offset(context) for layer in self._layers())

    def tensors(self, offsets: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """List the tensors that `forward` reads, each layer's bias as a part of its offset."""
        own = [(layer.weight, layer.gate, layer.shift) for layer in self._layers()]
        return (*chain.from_iterable(own), *offsets)

    def forward(
        self,
        t: Tensor,
        x: Float[Tensor, "n d"],
        offsets: tuple[Tensor, ...],
        directions: Float[Tensor, "k m d"] | None = None,
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n m"] | None]:
        """Give the velocity, and v · (∂f/∂x) v for each of m directions v of each row.

        `directions` has a row for each of x, or one for all of them (k = 1). Their products with
        the Jacobian are pushed through the layers beside the values, m rows more a row.
        """
        *layers, last = self._layers()
        pushed = directions
        for layer, offset in zip(layers, offsets, strict=False):
            weight, bias = layer.at(offset, t)
            x = torch.tanh(torch.addmm(bias, x, weight.mT))
            if pushed is not None:
                slope = torch.addcmul(torch.ones_like(bias), x, x, value=-1)
                pushed = (pushed @ weight.mT) * slope.unsqueeze(1)
        weight, bias = last.at(offsets[-1], t)
        velocity = torch.addmm(bias, x, weight.mT)
        if pushed is None or directions is None:
            return velocity, None
        return velocity, (pushed * (directions @ weight)).sum(-1)

    def _layers(self) -> list[TimeLayer]:
        return [layer for layer in self.layers if isinstance(layer, TimeLayer)]
