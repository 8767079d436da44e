"""Averages with their standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor


@final
@dataclass(frozen=True)
class Figure:
    """A value, its standard error where there is one, and of how many rows it is."""

    value: float
    standard_error: float | None
    n: int


def ratio(
    total: Float[Tensor, " n"],
    count: Float[Tensor, " n"] | None = None,
    weight: Float[Tensor, " n"] | None = None,
    shared: float = 0.0,
) -> Figure:
    """Give Σ w·total / Σ w·count: the mean over rows where `count` is left out.

    With counts it is an average over the steps of all rows, each step counting alike. The standard
    error is that of a ratio estimator, rows being independent (Cochran 1977, chapter 6); for a
    plain mean it is s/√n. It is None for a single row. `shared` is the variance that the mean of
    `total` has beside, from noise that all rows share.
    """
    n = len(total)
    count = torch.ones_like(total) if count is None else count
    weight = torch.ones_like(total) if weight is None else weight
    whole = (weight * count).sum()
    value = (weight * total).sum() / whole
    if n < 2:
        return Figure(float(value), None, n)
    spread = (weight * (total - value * count)).square().sum() * n / (n - 1)
    error = torch.sqrt(spread + shared * weight.sum().square()) / whole
    return Figure(float(value), float(error), n)


def share(hits: Tensor) -> Figure:
    """Give the share of rows that are True, with the binomial standard error √(p(1−p)/n)."""
    n, value = len(hits), float(hits.double().mean())
    return Figure(value, math.sqrt(value * (1 - value) / n), n)
