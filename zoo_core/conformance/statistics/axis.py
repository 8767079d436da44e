"""Axis: one entry of a row, seen as a number between −1 and 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from zoo_core.interfaces.space import Kind, Space


@final
@dataclass(frozen=True)
class Axis:
    """A map of t in (−1, 1) onto the values of one entry.

    Of real numbers x = centre + scale · t/(1 − t²), which reaches both infinities and keeps an
    integrand with Cauchy's tails bounded; of others x = centre + scale · t.
    """

    centre: float
    scale: float
    infinite: bool

    def value(self, t: Tensor) -> Tensor:
        """Map t to x."""
        return self.centre + self.scale * (t / (1 - t**2) if self.infinite else t)

    def log_slope(self, t: Tensor) -> Tensor:
        """Give log dx/dt."""
        slope = torch.full_like(t, math.log(self.scale))
        if not self.infinite:
            return slope
        return slope + torch.log1p(t**2) - 2 * torch.log1p(-(t**2))

    def inverse(self, x: Tensor) -> Tensor:
        """Map x to t; infinities to the ends."""
        y = (x - self.centre) / self.scale
        if not self.infinite:
            return y.clamp(-1, 1)
        # The root of y t² + t − y = 0 between −1 and 1, without a division by zero.
        return torch.where(y.isinf(), y.sign(), 2 * y / (1 + (1 + 4 * y**2).sqrt()))


def bounded(space: Space) -> Axis | None:
    """Give the axis of the entries of a bounded floating space; None of real numbers."""
    if space.kind is Kind.UNIT:
        return Axis(0.5, 0.5, infinite=False)
    return Axis(0.0, math.pi, infinite=False) if space.kind is Kind.ANGLE else None


def rows(t: Tensor, axes: Sequence[Axis], space: Space) -> Tensor:
    """Map `t [n, d]` to rows of the space."""
    x = torch.stack([axis.value(column) for axis, column in zip(axes, t.T, strict=True)], 1)
    return x.reshape(len(t), *space.shape)


def coordinates(x: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Map rows of the space to t, `[n, d]`."""
    columns = x.reshape(len(x), len(axes)).double().T
    return torch.stack([a.inverse(column) for a, column in zip(axes, columns, strict=True)], 1)


def log_slope(t: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Give the log-determinant of the map from t to rows, `[n]`."""
    return sum((a.log_slope(c) for a, c in zip(axes, t.T, strict=True)), t.new_zeros(len(t)))
