"""Rank tests: whether rows have one law, and whether they are independent, whatever the law is.

Ranks of pooled rows are a random order under the hypothesis, for every law alike, with ties put
in random order; so the p-values need nothing of the model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from zoo_core.interfaces.ragged import Ragged

_PROJECTIONS = 3


def matrix(x: Tensor | Ragged) -> Tensor:
    """Give rows as a matrix `[n, d]` in float64; sequences must be of one length."""
    values = x.values if isinstance(x, Ragged) else x
    return values.reshape(len(x), -1).double()


def two_samples(a: Tensor, b: Tensor, rng: torch.Generator) -> dict[str, float]:
    """Test that two independent samples `[n, d]`, of as many rows, have one law.

    The rows' entries are ranked, and random projections of the ranks compared in location
    (Wilcoxon 1945) and in spread around the median (as Ansari & Bradley 1960 do).
    """
    found = {}
    for name, ranks in _features(torch.cat([a, b]), rng).items():
        found[name] = _upper(*_kruskal_wallis(ranks, 2))
    return found


def clusters(x: Tensor, groups: int, rng: torch.Generator) -> dict[str, float]:
    """Test that rows `[n, d]` are no more and no less alike within a group than across groups.

    The groups stand one after another, all of one size. Kruskal & Wallis 1952 of random
    projections and of their distance from the median; the lower tail tells rows that balance
    each other, as antithetic ones do.
    """
    found = {}
    for name, ranks in _features(x, rng).items():
        statistic, freedom = _kruskal_wallis(ranks, groups)
        found[f"{name}, alike"] = _upper(statistic, freedom)
        found[f"{name}, balanced"] = 1 - _upper(statistic, freedom)
    return found


def swapped(differences: Sequence[Tensor] | Tensor) -> float:
    """Test that numbers `[n]` are as likely negative as positive, each by itself.

    The sum over the root of the sum of squares is, given the sizes, a weighted sum of random
    signs: Student's t under symmetry (Efron 1969), normal for many numbers.
    """
    d = torch.stack(list(differences)) if not isinstance(differences, Tensor) else differences
    root = d.square().sum().sqrt()
    return 1.0 if root == 0 else math.erfc(float((d.sum() / root).abs()) / math.sqrt(2))


def ranks_of(x: Tensor, rng: torch.Generator) -> Tensor:
    """Give each column's ranks `[n, d]`, between −1 and 1; ties in random order, NaN last."""
    order = torch.randperm(len(x), generator=rng)
    shuffled = x[order].argsort(dim=0, stable=True).argsort(dim=0)
    ranks = torch.empty_like(x).index_copy_(0, order, shuffled.to(x.dtype))
    return (2 * ranks + 1) / len(x) - 1


def projections(x: Tensor, rng: torch.Generator) -> Tensor:
    """Give ranks `[n, k]` of random projections of the entries' ranks, behind those of few entries.

    One entry stays as it is.
    """
    ranks = ranks_of(x, rng)
    entries = x.shape[1]
    if entries == 1:
        return ranks
    directions = torch.randn(entries, _PROJECTIONS, generator=rng, dtype=x.dtype)
    projected = ranks_of(ranks @ directions, rng)
    return projected if entries > _PROJECTIONS else torch.cat([ranks, projected], 1)


def _features(x: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
    """Give ranks of projections, of their distances from the median, and of the entries' own."""
    projected = projections(x, rng)
    distances = projected.abs()
    if x.shape[1] > 1:
        distances = torch.cat([distances, ranks_of(x, rng).abs().sum(1, keepdim=True)], 1)
    found = {f"location {k}": column for k, column in enumerate(projected.T)}
    return found | {f"spread {k}": column for k, column in enumerate(ranks_of(distances, rng).T)}


def _kruskal_wallis(ranks: Tensor, groups: int) -> tuple[Tensor, int]:
    """Give H and its degrees of freedom, of ranks centred at zero (Kruskal & Wallis 1952)."""
    size = len(ranks) // groups
    means = ranks.reshape(groups, size).mean(1)
    return (len(ranks) - 1) * size * means.square().sum() / ranks.square().sum(), groups - 1


def _upper(statistic: Tensor, freedom: int) -> float:
    """Give the upper tail of the χ² distribution."""
    half = torch.tensor(freedom / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(half, statistic / 2))
