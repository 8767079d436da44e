"""Networks that bring any two points closer together, for residual flows."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.jacobians import Jacobians

_ITERATIONS = 3
_STEEPEST = 1.1
"""Above the largest slope of x · sigmoid(βx), whatever β is."""


@final
class BoundedLinear(nn.Module):
    """A linear map whose largest singular value is at most `bound`.

    Invertible residual networks, Behrmann et al. 2019 (arXiv:1811.00995), section 2.1. Training
    estimates the singular value by power iteration, whose vectors are buffers, from below but
    closely, since weights move slowly. Evaluation computes it, so there the bound is certain, for
    averaged weights too, which the vectors haven't followed.
    """

    left: Tensor
    right: Tensor

    def __init__(self, inputs: int, outputs: int, bound: float, *, zero: bool) -> None:
        super().__init__()
        self.bound = bound
        self.weight = nn.Parameter(torch.zeros(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        if not zero:
            nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.register_buffer("left", _unit(torch.randn(outputs)))
        self.register_buffer("right", _unit(torch.randn(inputs)))

    def matrix(self) -> Float[Tensor, "outputs inputs"]:
        """Give the weight, scaled down where its largest singular value is above the bound."""
        exact = torch.linalg.matrix_norm
        largest = self._estimate() if self.training else exact(self.weight, 2)
        floor = torch.finfo(largest.dtype).tiny
        return self.weight * (self.bound / largest.clamp_min(floor)).clamp(max=1.0)

    def _estimate(self) -> Tensor:
        """Go on with the power iteration, and estimate the largest singular value by it."""
        left, right = self.left.clone(), self.right.clone()
        with torch.no_grad():
            for _ in range(_ITERATIONS):
                right = _unit(self.weight.mT @ left, right)
                left = _unit(self.weight @ right, left)
            self.left.copy_(left)
            self.right.copy_(right)
        return left @ (self.weight @ right)


def _unit(vector: Tensor, otherwise: Tensor | None = None) -> Tensor:
    """Give the direction of a vector; of the zero vector, the other one."""
    length = torch.linalg.vector_norm(vector)
    floor = torch.finfo(vector.dtype).tiny
    unit = vector / length.clamp_min(floor)
    return unit if otherwise is None else torch.where(length > floor, unit, otherwise)


@final
class Contraction(nn.Module):
    """A multilayer perceptron g with |g(x) − g(y)| ≤ rate · |x − y|, told a context or not.

    Each layer has an equal share of the rate. Between them stands LipSwish, x · sigmoid(βx)/1.1,
    whose slope is below one (Residual flows, Chen et al. 2019, arXiv:1906.02735, section 3.3). The
    context enters the first layer and isn't bounded. The last layer starts at zero.
    """

    def __init__(self, features: int, context: int, hidden: tuple[int, ...], rate: float) -> None:
        super().__init__()
        widths = (features, *hidden, features)
        share = rate ** (1 / (len(widths) - 1))
        self.layers = nn.ModuleList(
            BoundedLinear(a, b, share, zero=i == len(hidden))
            for i, (a, b) in enumerate(pairwise(widths))
        )
        self.steepness = nn.Parameter(torch.full((len(hidden),), 0.5))
        self.told = nn.Linear(context, widths[1], bias=False) if context else None

    def matrices(self) -> tuple[Float[Tensor, "_ _"], ...]:
        """Give each layer's matrix: what takes long, and is the same for every x."""
        return tuple(layer.matrix() for layer in self._layers())

    def value(
        self,
        x: Float[Tensor, "n d"],
        context: Float[Tensor, "n c"] | None,
        matrices: tuple[Tensor, ...],
    ) -> Float[Tensor, "n d"]:
        """Give g(x)."""
        return self._through(x, context, matrices)[0]

    def linearized(
        self,
        x: Float[Tensor, "n d"],
        context: Float[Tensor, "n c"] | None,
        matrices: tuple[Tensor, ...],
    ) -> tuple[Float[Tensor, "n d"], Jacobians]:
        """Give g(x) and its Jacobian at each row."""
        value, inner = self._through(x, context, matrices)
        slopes = []
        for scaled, gate in inner:
            slopes.append(torch.addcmul(gate, scaled * gate, 1 - gate) / _STEEPEST)
        return value, Jacobians(matrices, tuple(slopes))

    def _through(
        self, x: Tensor, context: Tensor | None, matrices: tuple[Tensor, ...]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Give g(x), and for each activation βx and sigmoid(βx)."""
        *hidden, last = self._layers()
        told = None if self.told is None or context is None else self.told(context)
        inner = []
        for layer, matrix, beta in zip(hidden, matrices, self._steepness(), strict=False):
            x = nn.functional.linear(x, matrix, layer.bias)
            x, told = (x, None) if told is None else (x + told, None)
            scaled = beta * x
            inner.append((scaled, scaled.sigmoid()))
            x = x * inner[-1][1] / _STEEPEST
        return nn.functional.linear(x, matrices[-1], last.bias), inner

    def _steepness(self) -> Tensor:
        """Give β > 0 of each activation."""
        return nn.functional.softplus(self.steepness)

    def _layers(self) -> list[BoundedLinear]:
        return [layer for layer in self.layers if isinstance(layer, BoundedLinear)]
