"""Compiled passes over rows with normal entries; imported at first use, since numba is slow to.

Each works on the rows `first … last − 1` and lets go of the interpreter's lock, so that threads can
take rows apart. Rows may be float32 or float64; sums are float64. `no_type_check` keeps checkers of
annotations from wrapping what numba compiles.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

_BLOCK = 4096
"""Rows after which the point that sums are taken around moves on to the mean so far."""

# Sums may be reordered, but NaN stays what it is.
_compiled = njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})


@_compiled
@no_type_check
def first_values(x, y, weight, first, last, lacking, mean):
    """Put the first known value of each class and entry into `mean` where it is `lacking`."""
    left, all_left = lacking.sum(1), lacking.sum()
    for i in range(first, last):
        if all_left == 0:
            break
        k = y[i]
        if left[k] == 0 or weight[i * (len(weight) > 1)] == 0:
            continue
        for j in range(x.shape[1]):
            if lacking[k, j] and x[i, j] == x[i, j]:
                mean[k, j] = x[i, j]
                lacking[k, j] = False
                left[k] -= 1
                all_left -= 1


@_compiled
@no_type_check
def moments(x, y, weight, first, last, rows, mean, scatter):
    """Add rows to the weight, mean and squared deviations of each class, block by block.

    With sums around the mean so far, the new one and the scatter around it are those of Chan et
    al. 1983, eq. 2.1. One weight stands for all rows.
    """
    # Centre, sum and sum of squares lie side by side, each beginning with a line of the cache.
    width = mean.shape[1]
    sums, more = np.zeros((len(rows), 3, (width + 7) // 8 * 8)), rows * 0
    sums[:, 0, :width] = mean
    for start in range(first, last, _BLOCK):
        for i in range(start, min(last, start + _BLOCK)):
            k, w = y[i], weight[i * (len(weight) > 1)]
            if w == 0:
                continue
            more[k] += w
            row, own = x[i], sums[k]
            for j in range(len(row)):
                away = row[j] - own[0, j]
                own[1, j] += w * away
                own[2, j] += w * away * away
        for k in range(len(rows)):
            rows[k] += more[k]
            if more[k] > 0:
                _move(rows[k], sums[k, 1], sums[k, 2], sums[k, 0], scatter[k])
            more[k] = 0
    mean[:] = sums[:, 0, :width]


@_compiled
@no_type_check
def known_moments(x, y, weight, first, last, rows, known, mean, scatter):
    """Do what `moments` does where entries may be missing, with the weight `known` of each."""
    total, square = mean * 0, mean * 0
    for start in range(first, last, _BLOCK):
        for i in range(start, min(last, start + _BLOCK)):
            k, w = y[i], weight[i * (len(weight) > 1)]
            if w == 0:
                continue
            rows[k] += w
            row, centre, n, a, b = x[i], mean[k], known[k], total[k], square[k]
            for j in range(len(row)):
                away = row[j] - centre[j]
                there = away == away
                away = away if there else 0.0
                n[j] += w if there else 0.0
                a[j] += w * away
                b[j] += w * away * away
        for k in range(len(rows)):
            _move_known(known[k], total[k], square[k], mean[k], scatter[k])


@_compiled
@no_type_check
def _move(n, total, square, mean, scatter):
    for j in range(len(scatter)):
        step = total[j] / n
        mean[j] += step
        scatter[j] += square[j] - total[j] * step
        total[j] = square[j] = 0


@_compiled
@no_type_check
def _move_known(n, total, square, mean, scatter):
    for j in range(len(mean)):
        if n[j] > 0:
            step = total[j] / n[j]
            mean[j] += step
            scatter[j] += square[j] - total[j] * step
        total[j] = square[j] = 0


@_compiled
@no_type_check
def log_densities(x, first, last, mean, precision, constant, scores):
    """Give Σ_j constant_kj − ½ ((x_j − mean_kj) · precision_kj)² over the known entries j."""
    for i in range(first, last):
        row = x[i]
        for k in range(len(mean)):
            centre, scale, bias = mean[k], precision[k], constant[k]
            score = x.dtype.type(0)
            for j in range(len(row)):
                noise = (row[j] - centre[j]) * scale[j]
                score += bias[j] - noise * noise if noise == noise else x.dtype.type(0)
            scores[i, k] = score
