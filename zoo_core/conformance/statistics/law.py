"""Law: a density as weighted points, whose means are known, to hold samples against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from zoo_core.conformance.statistics import fit
from zoo_core.conformance.statistics.axis import coordinates
from zoo_core.conformance.statistics.enumeration import every_row, masses, number_of
from zoo_core.conformance.statistics.features import features, levelled
from zoo_core.conformance.statistics.quadrature import Quadrature
from zoo_core.conformance.target import Target

_GROUPS = 40
_FLOOR = 10.0
"""Standard deviations below the mean at which a log-density counts as no lower."""
_ROUNDING = 1e-6


@final
@dataclass(frozen=True, eq=False)
class Law:
    """Points with coordinates `t [m, d]` in (−1, 1), log-densities, masses of sum 1, and cells.

    `cell_of` and `t_of` give a row's cell and coordinates; `error` bounds how far masses are
    from the truth, in sum.
    """

    t: Tensor
    log_prob: Tensor
    mass: Tensor
    cell: Tensor
    cell_of: Callable[[Tensor], Tensor]
    t_of: Callable[[Tensor], Tensor]
    error: float = 0.0

    @staticmethod
    def of_quadrature(grid: Quadrature, error: float) -> Law:
        """Take a density's nodes for points; masses are normalised."""
        panels = grid.panels
        mass = (panels.log_density.exp() * panels.weight).flatten()
        cell = panels.cell.repeat_interleave(panels.log_density.shape[1])
        t = panels.t.flatten(0, 1)
        axes = grid.axes
        return Law(
            t, grid.log_prob, mass / mass.sum(), cell, grid.cell_of, lambda x: coordinates(x, axes),
            error,
        )  # fmt: skip

    @staticmethod
    def of_codes(target: Target) -> Law:
        """Take every row of a discrete space for a point and a cell; masses are normalised."""
        space, rows = target.space, every_row(target.space)
        log_prob = masses(target)
        mass = log_prob.softmax(0)
        return Law(
            levelled(rows, space), log_prob, mass, torch.arange(len(rows)),
            lambda x: number_of(x, space), lambda x: levelled(x, space),
        )  # fmt: skip

    def p_values(self, x: Tensor, log_prob: Tensor) -> dict[str, float]:
        """Test that rows `x [n, *shape]`, of these log-densities `[n]`, are independent draws.

        Counts in cells (χ²), rows in cells of hardly any mass (Poisson), the mean log-density,
        and moments of the coordinates.
        """
        return {
            **self._cells(x),
            "log density": self._entropy(log_prob),
            "moments": self._moments(x),
        }

    def _cells(self, x: Tensor) -> dict[str, float]:
        n = len(x)
        mass = self.mass.new_zeros(int(self.cell.max()) + 1).index_add_(0, self.cell, self.mass)
        mass = mass.clamp_min(0)
        group = fit.groups(mass, _GROUPS, fit.FEWEST / n)
        count = torch.bincount(self.cell_of(x), minlength=len(mass)).double()
        thick, size = group >= 0, int(group.max()) + 1
        seen = count.new_zeros(size).index_add_(0, group[thick], count[thick])
        share = mass.new_zeros(size).index_add_(0, group[thick], mass[thick])
        rare = fit.poisson(int(count[~thick].sum()), n * (float(mass[~thick].sum()) + self.error))
        return {
            "cells": fit.chi_square(seen, seen.sum() * share / share.sum()),
            "rare cells": rare,
        }

    def _entropy(self, log_prob: Tensor) -> float:
        logs = torch.where(self.mass == 0, 0.0, self.log_prob)
        mean = (self.mass * logs).sum()
        spread = (self.mass * (logs - mean) ** 2).sum().sqrt()
        floor = mean - _FLOOR * spread.clamp_min(0.1)
        expected, variance = self._moments_of(logs.maximum(floor)[:, None])
        gap = log_prob.maximum(floor).mean() - expected[0]
        gap = (gap.abs() - self.error * (1 + spread) - _ROUNDING * (1 + mean.abs())).clamp_min(0)
        return fit.normal(float(gap / (variance[0, 0] / len(log_prob)).sqrt().clamp_min(1e-300)))

    def _moments(self, x: Tensor) -> float:
        expected, covariance = self._moments_of(features(self.t))
        gap = features(self.t_of(x)).mean(0) - expected
        gap = gap.sign() * (gap.abs() - self.error).clamp_min(0)
        return fit.quadratic(gap * len(x), covariance * len(x))

    def _moments_of(self, values: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.mass @ values
        centred = values - mean
        return mean, centred.T @ (self.mass[:, None] * centred)
