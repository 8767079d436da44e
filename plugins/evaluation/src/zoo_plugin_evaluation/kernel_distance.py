"""The kernel distance of two samples of features."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_plugin_evaluation.figure import Figure

_CHUNK = 256


def kernel_distance(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Figure:
    """Give the squared maximum mean discrepancy under the kernel k(a, b) = (a·b/d + 1)³.

    The unbiased estimate (Gretton et al. 2012, eq. 3; the kernel of Bińkowski et al. 2018, section
    4), which is negative now and then. It is unbiased at every n, and taken over all pairs, of
    which an average over random subsets is a noisier estimate. The standard error is the
    jackknife's over the rows of both sides. Raises UnsupportedError for fewer than three rows a
    side.
    """
    if min(len(x), len(y)) < 3:
        raise UnsupportedError(
            "A kernel distance needs three rows a side", received=min(len(x), len(y))
        )
    x, y = x.double(), y.double()
    own, other = _within(x), _within(y)
    cross, crossed = _sums(x, y)
    between = cross.sum() / (len(x) * len(y))
    value = own.value + other.value - 2 * between
    errors = (_jackknife(own, cross, len(y)), _jackknife(other, crossed, len(x)))
    return Figure(float(value), float(sum(errors)) ** 0.5, min(len(x), len(y)))


@final
class _Within(NamedTuple):
    """The mean of the kernel over pairs of different rows, and each row's sum over the others."""

    value: Tensor
    sums: Tensor


def _within(x: Tensor) -> _Within:
    sums = _sums(x, x)[0] - _cube(x.square().sum(1) / x.shape[1] + 1)
    return _Within(sums.sum() / (len(x) * (len(x) - 1)), sums)


def _sums(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Give Σ_j k(x_i, y_j) of each row i of x, and Σ_i k(x_i, y_j) of each row j of y."""
    rows, columns = [], torch.zeros(len(y), dtype=torch.float64)
    for chunk in x.split(_CHUNK):
        kernel = _cube((chunk / x.shape[1]) @ y.T + 1)
        rows.append(kernel.sum(1))
        columns += kernel.sum(0)
    return torch.cat(rows), columns


def _cube(x: Tensor) -> Tensor:
    """x³ by products, which is many times faster than by a power."""
    return x * x * x


def _jackknife(own: _Within, cross: Tensor, others: int) -> Tensor:
    """Give the jackknife's variance for the rows of one side: the value without each of them."""
    n = len(own.sums)
    within = (own.sums.sum() - 2 * own.sums) / ((n - 1) * (n - 2))
    between = (cross.sum() - cross) / ((n - 1) * others)
    without = within - 2 * between
    return (without - without.mean()).square().sum() * (n - 1) / n
