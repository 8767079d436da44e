"""Panels: boxes that tile the square (−1, 1)^d, and a density at the nodes of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from zoo_core.conformance.statistics.rule import rule

Score = Callable[[Tensor], Tensor]
"""Log-density with respect to dt at `t [n, d]`, `[n]`."""

EDGE = 1 - 1e-9
"""Where the tiling ends: at 1 itself real numbers are infinite, and some densities are."""


@final
@dataclass(frozen=True, eq=False)
class Panels:
    """Boxes `low … high [b, d]`, the cell that each is a part of `[b]`, log-densities `[b, k]`.

    The k nodes of a box are those of Lobatto's rule in each of d directions.
    """

    low: Tensor
    high: Tensor
    cell: Tensor
    log_density: Tensor

    @staticmethod
    def tiling(breaks: int, d: int, score: Score) -> Panels:
        """Tile the square with breaks^d equal boxes, each of them a cell of its own."""
        edges = torch.linspace(-EDGE, EDGE, breaks + 1, dtype=torch.float64)
        low = torch.cartesian_prod(*[edges[:-1]] * d).reshape(-1, d)
        high = torch.cartesian_prod(*[edges[1:]] * d).reshape(-1, d)
        return Panels._scored(low, high, torch.arange(len(low)), score)

    @staticmethod
    def _scored(low: Tensor, high: Tensor, cell: Tensor, score: Score) -> Panels:
        t = _nodes(low, high)
        return Panels(low, high, cell, score(t.flatten(0, 1)).reshape(t.shape[:2]))

    @property
    def t(self) -> Tensor:
        """The nodes, `[b, k, d]`."""
        return _nodes(self.low, self.high)

    @property
    def weight(self) -> Tensor:
        """The weights of the nodes, `[b, k]`."""
        return self._volume[:, None] * _product([rule().weights] * self.low.shape[1])

    @property
    def doubt(self) -> Tensor:
        """Weights of the difference to the rule that is coarser in one direction, `[d, b, k]`."""
        d, weights = self.low.shape[1], rule().weights
        found = []
        for direction in range(d):
            factors = [weights] * d
            factors[direction] = weights - rule().coarse
            found.append(self._volume[:, None] * _product(factors))
        return torch.stack(found)

    @property
    def _volume(self) -> Tensor:
        return ((self.high - self.low) / 2).prod(1)

    def holding(self, t: Tensor) -> Tensor:
        """Give the box that each point `[n, d]` of the square lies in, `[n]`."""
        inside = (self.low <= t[:, None]) & (t[:, None] <= self.high)
        return inside.all(-1).to(torch.uint8).argmax(1)

    def roughness(self, which: Tensor) -> Tensor:
        """Give the doubt about the mass of the boxes `which [s]` relative to it, `[d, s]`."""
        logs = self.log_density[which]
        p = (logs - logs.amax(1, keepdim=True)).exp()
        mass = (p * self.weight[which]).sum(1)
        return ((p * self.doubt[:, which]).sum(-1).abs() / mass).nan_to_num(0.0)

    def split(self, which: Tensor, direction: Tensor, score: Score) -> Panels:
        """Halve the boxes `which [s]`, each in its own direction `[s]`; the halves come last."""
        low, high = self.low[which], self.high[which]
        rows = torch.arange(len(which))
        middle = ((low + high) / 2)[rows, direction]
        upper, lower = low.clone(), high.clone()
        upper[rows, direction] = middle
        lower[rows, direction] = middle
        cells = self.cell[which].repeat(2)
        halves = Panels._scored(torch.cat([low, upper]), torch.cat([lower, high]), cells, score)
        kept = torch.ones(len(self.low), dtype=torch.bool)
        kept[which] = False
        return self._take(kept).and_(halves)

    def and_(self, other: Panels) -> Panels:
        """Put the boxes of both together."""
        pairs = zip(self._tensors(), other._tensors(), strict=True)
        return Panels(*(torch.cat(pair) for pair in pairs))

    def _take(self, rows: Tensor) -> Panels:
        return Panels(*(tensor[rows] for tensor in self._tensors()))

    def _tensors(self) -> Sequence[Tensor]:
        return self.low, self.high, self.cell, self.log_density


def _nodes(low: Tensor, high: Tensor) -> Tensor:
    d = low.shape[1]
    unit = torch.cartesian_prod(*[rule().nodes] * d).reshape(-1, d)
    return ((low + high) / 2)[:, None] + ((high - low) / 2)[:, None] * unit


def _product(factors: Sequence[Tensor]) -> Tensor:
    found = factors[0]
    for factor in factors[1:]:
        found = (found[:, None] * factor).flatten()
    return found
