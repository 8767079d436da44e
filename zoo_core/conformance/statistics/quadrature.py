"""Quadrature: integrals over a floating space of one or two dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from zoo_core.conformance.statistics.axis import Axis, coordinates, log_slope, rows
from zoo_core.conformance.statistics.panels import EDGE, Panels, Score
from zoo_core.conformance.statistics.scan import axes_of
from zoo_core.conformance.statistics.summits import climbed
from zoo_core.conformance.target import Target
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.space import Space

LARGEST = 2
"""How many dimensions a grid is for."""

_BREAKS = {1: 48, 2: 12}
_ACCURACY = 1e-3
_SHARE, _SAMPLES = 0.9, 256

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


def quadrature(target: Target, rng: torch.Generator, *, budget: int = 30_000) -> Quadrature:
    """Choose nodes for a density by halving, again and again, the boxes with most doubt in them.

    The whole space is tiled, however far samples reach, by boxes that are small where a scan of
    the density and the samples lie; and each summit of the log-density is gone up to, however
    little mass is seen on it, so that a mode that no sample falls on isn't overlooked. `budget`
    is how many nodes there are at most; up to twice as many are scored. Raises
    ConformanceError where log_prob is NaN.
    """
    samples = _samples(target, rng)
    axes = axes_of(target, samples, rng)
    score = _score(target, axes)
    panels = Panels.tiling(_BREAKS[len(axes)], len(axes), score)
    panels = climbed(panels, score, coordinates(samples, axes).clamp(-EDGE, EDGE))
    boxes = budget // panels.log_density.shape[1]
    while len(panels.low) < boxes:
        errors = _errors(panels)
        worst, order = errors.amax(0).sort(descending=True)
        if not float(worst.sum()) > _ACCURACY:
            break
        needed = int((worst.cumsum(0) < _SHARE * worst.sum()).sum()) + 1
        which = order[: min(needed, boxes - len(panels.low))]
        panels = panels.split(which, errors[:, which].argmax(0), score)
    return Quadrature(panels, axes, target.space)


def _samples(target: Target, rng: torch.Generator) -> Tensor:
    """Give some samples, those that are finite, `[n, d]`; none where there is no sampler."""
    if target.sample is None:
        return torch.zeros(0, target.space.size, dtype=torch.float64)
    x = target.sample(_SAMPLES, rng).reshape(_SAMPLES, -1).double()
    return x[x.isfinite().all(1)]


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
