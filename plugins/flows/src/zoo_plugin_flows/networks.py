"""The network of a coupling layer: what stays and the context in, parameters of the rest out."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


@final
class Activation(StrEnum):
    """The nonlinearity of a network's hidden layers."""

    SILU = "silu"
    RELU = "relu"

    def __call__(self, x: Tensor) -> Tensor:
        """Apply it to the output of a linear layer, which it may overwrite."""
        if self is Activation.RELU:
            return functional.relu(x, inplace=True)
        # Its derivative needs the input.
        return functional.silu(x, inplace=not x.requires_grad)


@final
class CouplingNetwork(nn.Module):
    """A multilayer perceptron.

    inputs: width of the input; at 0 the output is the same for every row. hidden: widths of the
    hidden layers. dropout: share of hidden units set to zero in training. activation: of the
    hidden layers. residual: whether a hidden layer adds to one of equal width before it. The last
    layer starts at zero, so that a coupling starts as the identity.
    """

    def __init__(
        self,
        inputs: int,
        hidden: tuple[int, ...],
        outputs: int,
        dropout: float,
        activation: Activation = Activation.SILU,
        residual: bool = True,
    ) -> None:
        super().__init__()
        widths = (inputs, *hidden) if inputs else (0,)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.dropout = nn.Dropout(dropout)
        self.activation = activation
        adds = [residual and a == b for a, b in pairwise(hidden)]
        self.adds = [False, *adds] if inputs and hidden else []
        self.weight = nn.Parameter(torch.zeros(outputs, widths[-1]))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "outputs n"]:
        """Compute the outputs, one row an output: the order that elementwise maps are fast in.

        Features lie on the first axis from the first layer on. With one order for all of it no
        gradient is ever read across its grain.
        """
        x = x.mT
        for layer, adds in zip(self.hidden, self.adds, strict=True):
            if isinstance(layer, nn.Linear):
                update = self.activation(_affine(layer.weight, layer.bias, x))
                update = self.dropout(update) if self.dropout.p else update
                x = _sum(update, x) if adds else update
        return _affine(self.weight, self.bias, x)


def _affine(weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    return torch.addmm(bias[:, None], weight, x)


def _sum(update: Tensor, x: Tensor) -> Tensor:
    """Add; where no gradient needs the update, in its place."""
    return x + update if update.requires_grad else update.add_(x)
