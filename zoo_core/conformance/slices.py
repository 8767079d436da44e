"""Slices: a density as a function of one entry, and whether it sums or integrates to one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo_core.conformance.statistics.quadrature import quadrature
from zoo_core.conformance.target import Target
from zoo_core.interfaces.space import Space

_BUDGET = 2000

Figure = Callable[[Tensor], Tensor]
"""A log-density of rows `[n, *shape]`, `[n]`."""


def along(x: Tensor, entry: int, values: Tensor) -> Tensor:
    """Repeat a row `[*shape]` for each of these values `[n]` of one entry."""
    rows = x.flatten().repeat(len(values), 1)
    rows[:, entry] = values.to(rows.dtype)
    return rows.reshape(-1, *x.shape)


def log_total(figure: Figure, x: Tensor, entry: int, space: Space, rng: torch.Generator) -> float:
    """Give the log of the sum, or the integral, over one entry of a row, of exp(figure).

    `space` is that of the whole row.
    """
    if space.n_levels is not None:
        with torch.no_grad():
            return float(figure(along(x, entry, torch.arange(space.n_levels))).logsumexp(0))

    def differentiable(values: Tensor) -> Tensor:
        return figure(along(x, entry, values[:, 0])).double()

    def log_prob(values: Tensor) -> Tensor:
        with torch.no_grad():
            return differentiable(values)

    one = Space(kind=space.kind, shape=(1,))
    found = quadrature(Target(log_prob, differentiable, None, one), rng, budget=_BUDGET)
    return float(torch.tensor(found.integrate([lambda _, figures: figures.exp()])[0].value).log())
