"""Tests of fit: p-values of counts and of sums that have a known mean and variance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

FEWEST = 20.0
"""Expected counts below this are put together, so that tails of χ² are those of the sum."""


def chi_square(observed: Tensor, expected: Tensor) -> float:
    """Test counts `[k]` against expected ones of the same sum (Pearson 1900).

    Gives the upper tail of χ² with k − 1 degrees of freedom; 1 for a single count.
    """
    if len(observed) < 2:
        return 1.0
    statistic = ((observed - expected) ** 2 / expected).sum()
    return upper_tail(float(statistic), len(observed) - 1)


def upper_tail(statistic: float, freedom: int) -> float:
    """Give the upper tail of χ²; NaN for a statistic that is NaN, which fails."""
    if freedom < 1:
        return 1.0
    half = torch.tensor([freedom / 2, statistic / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(half[0], half[1]))


def normal(z: float) -> float:
    """Give both tails of the normal distribution beyond ±z."""
    return math.erfc(abs(z) / math.sqrt(2))


def poisson(count: int, expected: float) -> float:
    """Give the probability of so many or more, of a Poisson variable.

    It bounds a binomial one's above its mean, so p-values are uniform or larger.
    """
    if count == 0:
        return 1.0
    pair = torch.tensor([count, expected], dtype=torch.float64)
    return float(torch.special.gammainc(pair[0], pair[1]))


def quadratic(total: Tensor, covariance: Tensor) -> float:
    """Test a sum `[k]` of mean zero and known covariance `[k, k]`, singular ones too."""
    scale = covariance.diagonal().sqrt()
    kept = scale > 1e-9 * scale.max().clamp_min(1e-300)
    if not bool(kept.any()):
        return 1.0
    z = total[kept] / scale[kept]
    values, vectors = torch.linalg.eigh(covariance[kept][:, kept] / scale[kept].outer(scale[kept]))
    sound = values > 1e-6 * values.max()
    statistic = ((vectors.T @ z)[sound] ** 2 / values[sound]).sum()
    return upper_tail(float(statistic), int(sound.sum()))


def groups(mass: Tensor, count: int, fewest: float) -> Tensor:
    """Put cells together in groups of about equal mass; gives a group's number a cell.

    Cells of like mass come together, so that a group is as dense everywhere and little that is
    added to a thin one is seen. The cells of least mass, `fewest` together at most, are group
    −1: they are too thin for χ².
    """
    order = mass.argsort(descending=True)
    total = mass[order].cumsum(0)
    middle = total - mass[order] / 2
    number = (middle * count).long().clamp(0, count - 1)
    number[total[-1] - (total - mass[order]) <= fewest] = -1
    found = torch.empty_like(number)
    found[order] = _merged(number, mass[order], fewest)
    return found


def _merged(number: Tensor, mass: Tensor, fewest: float) -> Tensor:
    """Number groups from 0 on without gaps; merge each that is too thin with the one before."""
    merged, last, held = number.clone(), -1, math.inf
    for one in number.unique_consecutive().tolist():
        if one < 0:
            continue
        rows = number == one
        share = float(mass[rows].sum())
        if held >= fewest and (share >= fewest or last < 0):
            last, held = last + 1, 0.0
        merged[rows] = last
        held += share
    return merged
