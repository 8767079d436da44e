"""Slices: a density as a function of one entry, and whether it sums or integrates to one."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from zoo_core.conformance.statistics.quadrature import Quadrature, quadrature
from zoo_core.conformance.target import Target
from zoo_core.interfaces.space import Kind, Space

_BUDGET = 2000
_COUNTS, _MOST_COUNTS = 64, 2**17
_REST = 1e-9
"""The share of a sum over counts that the last doubling added, at which it ends."""

Figure = Callable[[Tensor], Tensor]
"""A log-density of rows `[n, *shape]`, `[n]`."""


def along(x: Tensor, entry: int, values: Tensor) -> Tensor:
    """Repeat a row `[*shape]` for each of these values `[n]` of one entry."""
    rows = x.flatten().repeat(len(values), 1)
    rows[:, entry] = values.to(rows.dtype)
    return rows.reshape(-1, *x.shape)


def log_total(figure: Figure, x: Tensor, entry: int, space: Space, rng: torch.Generator) -> float:
    """Give the log of the sum, or the integral, over one entry of a row, of exp(figure).

    `space` is that of the whole row. Counts are summed until hardly anything is left.
    """
    own = space.entry_spaces[entry]
    if own.kind.discrete:
        return _log_sum(lambda codes: figure(along(x, entry, codes)), own.n_levels)
    found = _quadrature(figure, x, entry, own, rng)
    return float(torch.tensor(found.integrate([lambda _, figures: figures.exp()])[0].value).log())


def centre(figure: Figure, x: Tensor, entry: int, space: Space, rng: torch.Generator) -> float:
    """Give the mean of one entry of a row whose density there is exp(figure), up to a factor.

    Categories have none: theirs is the most probable one. `space` is that of the whole row.
    """
    own = space.entry_spaces[entry]
    if own.kind is Kind.CATEGORICAL:
        with torch.no_grad():
            return float(figure(along(x, entry, torch.arange(own.n_levels or 1))).argmax())
    if own.kind.discrete:

        def weighted(codes: Tensor) -> Tensor:
            return figure(along(x, entry, codes)) + codes.log()

        total = log_total(figure, x, entry, space, rng)
        return math.exp(_log_sum(weighted, own.n_levels) - total)
    grid = _quadrature(figure, x, entry, own, rng)
    total, first = grid.integrate(
        [lambda _, figures: figures.exp(), lambda v, figures: v.flatten() * figures.exp()]
    )
    return first.value / total.value


def _quadrature(
    figure: Figure, x: Tensor, entry: int, own: Space, rng: torch.Generator
) -> Quadrature:
    def differentiable(values: Tensor) -> Tensor:
        return figure(along(x, entry, values[:, 0])).double()

    def log_prob(values: Tensor) -> Tensor:
        with torch.no_grad():
            return differentiable(values)

    one = Space(kind=own.kind, shape=(1,))
    return quadrature(Target(log_prob, differentiable, None, one), rng, budget=_BUDGET)


@torch.no_grad()
def _log_sum(figure: Figure, levels: int | None) -> float:
    """Give the log of the sum of exp(figure) over codes, or over all counts."""
    if levels is not None:
        return float(figure(torch.arange(levels)).logsumexp(0))
    end = _COUNTS
    total = figure(torch.arange(end)).logsumexp(0)
    while end < _MOST_COUNTS:
        more = figure(torch.arange(end, 2 * end)).logsumexp(0)
        total, end = torch.logaddexp(total, more), 2 * end
        if more < total + math.log(_REST):
            break
    return float(total)
