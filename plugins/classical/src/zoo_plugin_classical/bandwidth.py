"""Bandwidths of kernel densities: rules of thumb, and the one that is best at rows left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError
from zoo_plugin_classical.kernel_scores import log_kernel_sum
from zoo_plugin_classical.kernels import Kernel

_FINEST, _COARSEST, _STEPS = -5.0, 4.0, 18
"""The search looks at 2^-5 … 2^4 times Scott's bandwidths first, in even steps of the exponent."""
_REFINEMENTS = 12
_GOLDEN = (math.sqrt(5) - 1) / 2


@final
class BandwidthRule(StrEnum):
    """How bandwidths are found in n rows of d features with standard deviations σ.

    scott: σ n^(−1/(d+4)) (Scott 2015, eq. 6.44). silverman: σ (4/(d+2))^(1/(d+4)) n^(−1/(d+4))
    (Silverman 1986, eq. 4.14). cross-validation: Scott's times the factor at which the likelihood
    of the rows, each by the others, is highest (Silverman 1986, section 3.4.4); copies of a row
    are left out together, since else they would draw the bandwidth to 0.
    """

    SCOTT = "scott"
    SILVERMAN = "silverman"
    CROSS_VALIDATION = "cross-validation"


def bandwidths(
    rule: BandwidthRule, rows: Float[Tensor, "n d"], weight: Float[Tensor, " n"], kernel: Kernel
) -> tuple[Tensor, tuple[Mapping[str, float], ...]]:
    """Give a bandwidth a feature `[d]`, and the figures of the search, if there was one.

    n is the sum of the weights. Raises DataError for a feature that doesn't vary.
    """
    d, n = rows.shape[1], float(weight.sum())
    rows, weight = rows.double(), weight.double()
    centre = weight @ rows / n
    deviation = (weight @ (rows - centre).square() / n).sqrt()
    flat = (deviation <= 1e-12 * (1 + centre.abs())).nonzero().flatten().tolist()
    if flat:
        raise DataError(
            "A rule for bandwidths needs features that vary",
            received=f"one value only of feature {', '.join(map(str, flat))}",
            remedy="Leave them out, or give the bandwidth as a number.",
        )
    scott = deviation * n ** (-1 / (d + 4))
    if rule is BandwidthRule.CROSS_VALIDATION:
        return _cross_validated(scott, rows, weight, kernel)
    return scott * (1.0 if rule is BandwidthRule.SCOTT else (4 / (d + 2)) ** (1 / (d + 4))), ()


def leave_one_out(
    rows: Float[Tensor, "n d"],
    weight: Float[Tensor, " n"],
    bandwidth: Float[Tensor, " d"],
    kernel: Kernel,
) -> Float[Tensor, " n"]:
    """Give the log-density of each row by all others, in nats (Silverman 1986, eq. 3.36)."""
    found = log_kernel_sum(rows, rows, weight, kernel, bandwidth, own=True)
    others = (weight.sum() - weight).log()
    return found - others - bandwidth.log().sum() - kernel.log_integral(rows.shape[1])


def _cross_validated(
    scott: Tensor, rows: Tensor, weight: Tensor, kernel: Kernel
) -> tuple[Tensor, tuple[Mapping[str, float], ...]]:
    """Look over a grid of factors, then by golden sections about the best of it."""
    rows, which = rows.unique(dim=0, return_inverse=True)
    weight = torch.zeros_like(rows[:, 0]).index_add(0, which, weight)
    history: list[Mapping[str, float]] = []

    def figure(exponent: float) -> float:
        factor = 2.0**exponent
        log_probs = leave_one_out(rows, weight, factor * scott, kernel)
        loss = -float(weight @ log_probs / weight.sum())
        history.append({"step": len(history), "factor": factor, "loss": loss})
        return loss

    step = (_COARSEST - _FINEST) / _STEPS
    best = min((_FINEST + step * i for i in range(_STEPS + 1)), key=figure)
    _golden_section(figure, best - step, best + step)
    least = min(history, key=lambda entry: entry["loss"])
    return least["factor"] * scott, tuple(history)


def _golden_section(figure: Callable[[float], float], low: float, high: float) -> None:
    """Close in on the least figure between two exponents, by one new figure a step."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = figure(left), figure(right)
    for _ in range(_REFINEMENTS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = figure(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = figure(right)
