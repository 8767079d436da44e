"""Quadrature: integrals over a floating space of one or two dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from zoo_core.conformance.statistics.axis import Axis
from zoo_core.conformance.statistics.panels import Panels, Score
from zoo_core.conformance.statistics.scan import axes_of
from zoo_core.conformance.target import Target
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.space import Space

LARGEST = 2
"""How many dimensions a grid is for."""

_BREAKS = {1: 48, 2: 12}
_ACCURACY = 2e-4
_ROUNDS, _SUMMITS, _HALVINGS = 40, 32, 16

Integrand = Callable[[Tensor, Tensor], Tensor]
"""A function of rows `x [m, *shape]` and their log-densities `[m]`; gives `[m]`."""


class Integral(NamedTuple):
    """An integral, and how far it may be from the truth."""

    value: float
    error: float


@final
@dataclass(frozen=True, eq=False)
class Quadrature:
    """A density at nodes that were chosen for it; what else is integrated must be no rougher."""

    panels: Panels
    axes: tuple[Axis, ...]
    space: Space

    def integrate(self, functions: Sequence[Integrand]) -> list[Integral]:
        """Integrate functions over the space; `lambda x, l: l.exp()` gives the total mass.

        Errors are sums, over boxes, of how far two rules are apart.
        """
        x, log_prob = rows(self.panels.t.flatten(0, 1), self.axes, self.space), self.log_prob
        slope = self._log_slope.exp()
        found = []
        for function in functions:
            values = (function(x, log_prob) * slope).nan_to_num(0.0, math.inf)
            values = values.reshape(self.panels.log_density.shape)
            error = float((values * self.panels.doubt).sum(-1).abs().amax(0).sum())
            found.append(Integral(float((values * self.panels.weight).sum()), error))
        return found

    @property
    def log_prob(self) -> Tensor:
        """Log-densities at the nodes, `[m]`."""
        return self.panels.log_density.flatten() - self._log_slope

    @property
    def cells(self) -> Tensor:
        """The mass in each cell of a fixed grid of cells."""
        mass = (self.panels.log_density.exp() * self.panels.weight).sum(1)
        count = _BREAKS[len(self.axes)] ** len(self.axes)
        return mass.new_zeros(count).index_add_(0, self.panels.cell, mass)

    def cell_of(self, x: Tensor) -> Tensor:
        """Give the number of the cell that each row `x [n, *shape]` lies in."""
        breaks = _BREAKS[len(self.axes)]
        found = torch.zeros(len(x), dtype=torch.int64)
        for t in coordinates(x, self.axes).T:
            found = found * breaks + ((t + 1) / 2 * breaks).long().clamp(0, breaks - 1)
        return found

    @property
    def _log_slope(self) -> Tensor:
        return log_slope(self.panels.t.flatten(0, 1), self.axes)


def quadrature(target: Target, rng: torch.Generator, *, budget: int = 40_000) -> Quadrature:
    """Choose nodes for a density by halving, again and again, the boxes with most doubt in them.

    The whole space is tiled, however far samples reach, by boxes that are small where a scan of
    the density and the samples lie; and each summit of the log-density is gone up to, however
    little mass is seen on it, so that a mode that no sample falls on isn't overlooked. `budget`
    is how many rows are scored. Raises ConformanceError where log_prob is NaN.
    """
    axes = axes_of(target, rng)
    score = _score(target, axes)
    panels = Panels.tiling(_BREAKS[len(axes)], len(axes), score)
    panels = _climbed(panels, score)
    for _ in range(_ROUNDS):
        errors = _errors(panels)
        worst = errors.amax(0)
        room = (budget - panels.log_density.numel()) // panels.log_density.shape[1]
        if not float(worst.sum()) > _ACCURACY or room < 1:
            break
        order = worst.argsort(descending=True)
        needed = int((worst[order].cumsum(0) < 0.9 * worst.sum()).sum()) + 1
        which = order[: min(needed, room)]
        panels = panels.split(which, errors[:, which].argmax(0), score)
    return Quadrature(panels, axes, target.space)


def rows(t: Tensor, axes: Sequence[Axis], space: Space) -> Tensor:
    """Map `t [n, d]` to rows of the space."""
    x = torch.stack([axis.value(column) for axis, column in zip(axes, t.T, strict=True)], 1)
    return x.reshape(len(t), *space.shape)


def coordinates(x: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Map rows of the space to t, `[n, d]`."""
    columns = x.reshape(len(x), -1).double().T
    return torch.stack([a.inverse(column) for a, column in zip(axes, columns, strict=True)], 1)


def log_slope(t: Tensor, axes: Sequence[Axis]) -> Tensor:
    """Give the log-determinant of the map from t to rows, `[n]`."""
    return sum((a.log_slope(c) for a, c in zip(axes, t.T, strict=True)), t.new_zeros(len(t)))


def _score(target: Target, axes: Sequence[Axis]) -> Score:
    def score(t: Tensor) -> Tensor:
        log_prob = target.log_prob(rows(t, axes, target.space))
        if bool(log_prob.isnan().any()):
            where = rows(t, axes, target.space)[log_prob.isnan()][0].tolist()
            raise ConformanceError(
                "log_prob of every row of the space is a number, or −∞", received=f"NaN at {where}"
            )
        return log_prob + log_slope(t, axes)

    return score


def _errors(panels: Panels) -> Tensor:
    """Give the doubt in each direction and box of ∫ p and ∫ p log p, the larger, `[d, b]`."""
    p = panels.log_density.exp()
    entropy = (p * panels.log_density.clamp(-700, 700)).nan_to_num(0.0, math.inf)
    doubt = panels.doubt
    return torch.stack([(one * doubt).sum(-1).abs() for one in (p, entropy)]).amax(0)


def _climbed(panels: Panels, score: Score) -> Panels:
    """Halve the boxes with a summit of the log-density in them, and again the half that has it."""
    summits = _summits(panels)
    for _ in range(_HALVINGS * panels.low.shape[1]):
        roughness = panels.roughness(summits)
        rough = roughness.amax(0) > 0.1
        summits, direction = summits[rough], roughness[:, rough].argmax(0)
        if not len(summits):
            break
        panels = panels.split(summits, direction, score)
        # The halves come last: all the lower ones, then all the upper ones.
        first, count = len(panels.low) - 2 * len(summits), len(summits)
        heights = panels.log_density[first:].amax(1).reshape(2, count)
        summits = first + torch.arange(count) + count * heights.argmax(0)
    return panels


def _summits(panels: Panels) -> Tensor:
    """Find the boxes of a tiling that hold a node no lower than its neighbours."""
    d, breaks = panels.low.shape[1], _BREAKS[panels.low.shape[1]]
    side = round(panels.log_density.shape[1] ** (1 / d))
    grid = panels.log_density.reshape(*[breaks] * d, *[side] * d).clamp_min(-1e300)
    order = [place for pair in zip(range(d), range(d, 2 * d), strict=True) for place in pair]
    grid = grid.permute(order).reshape(1, *[breaks * side] * d)
    pool = torch.nn.functional.max_pool1d if d == 1 else torch.nn.functional.max_pool2d
    highest = (pool(grid, 3, stride=1, padding=1) == grid) & (grid > -1e300)
    places = highest.nonzero()[:, 1:]
    places = places[grid[0][tuple(places.T)].argsort(descending=True)] // side
    number = places.new_zeros(len(places))
    for column in places.T:
        number = number * breaks + column
    return torch.tensor(list(dict.fromkeys(number.tolist()))[:_SUMMITS], dtype=torch.int64)
