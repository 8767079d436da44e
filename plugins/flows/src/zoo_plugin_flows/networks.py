"""The network of a coupling layer: what stays and the context in, parameters of the rest out."""

from __future__ import annotations

from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn


@final
class CouplingNetwork(nn.Module):
    """A multilayer perceptron; a layer as wide as the one before adds to it (a residual layer).

    inputs: width of the input; at 0 the output is the same for every row. hidden: widths of the
    hidden layers. dropout: share of hidden units set to zero in training. The last layer starts at
    zero, so that a coupling starts as the identity.
    """

    def __init__(self, inputs: int, hidden: tuple[int, ...], outputs: int, dropout: float) -> None:
        super().__init__()
        widths = (inputs, *hidden) if inputs else (0,)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(torch.zeros(outputs, widths[-1]))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "outputs n"]:
        """Compute the outputs, one row an output: the order that elementwise maps are fast in."""
        for layer in self.hidden:
            update = self.dropout(nn.functional.silu(layer(x)))
            x = x + update if update.shape == x.shape and layer is not self.hidden[0] else update
        return torch.addmm(self.bias[:, None], self.weight, x.mT)
