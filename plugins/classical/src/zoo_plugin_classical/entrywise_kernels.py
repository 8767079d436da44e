"""Compiled passes over rows with independent normal entries, imported at first use.

Each works on the rows `first … last − 1` and lets go of the interpreter's lock, so that threads can
take rows apart. A block of rows is laid out by columns first, and so a processor works on several
rows at once, however few the entries and distributions are. All numbers are float64.
`no_type_check` keeps checkers of annotations from wrapping what numba compiles.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

_BLOCK = 64
"""Rows of a block: its columns stay in the processor's nearest cache."""

# Sums may be reordered, but NaN stays what it is.
_compiled = njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})


@_compiled
@no_type_check
def _lay_out(rows, first, last, columns):
    """Write a block's columns; what it lacks at the end of the rows is missing."""
    for i in range(first, last):
        for j in range(len(columns)):
            columns[j, i - first] = rows[i, j]
    columns[:, last - first :] = np.nan


@_compiled
@no_type_check
def log_densities(z, first, last, centre, half, constant, scores):
    """Give Σ_j constant_kj − half_kj (z_j − centre_kj)² over the known entries j."""
    columns, own = np.empty((z.shape[1], _BLOCK)), np.empty(_BLOCK)
    for start in range(first, last, _BLOCK):
        end = min(last, start + _BLOCK)
        _lay_out(z, start, end, columns)
        for k in range(len(centre)):
            own[:] = 0.0
            for j in range(len(columns)):
                middle, factor, bias = centre[k, j], half[k, j], constant[k, j]
                for i in range(_BLOCK):
                    away = columns[j, i] - middle
                    own[i] += bias - factor * away * away if away == away else 0.0
            for i in range(start, end):
                scores[i, k] = own[i - start]


@_compiled
@no_type_check
def moments(z, share, first, last, centre, known, total, square):
    """Add shares, deviations from the centre and their squares, of the known entries."""
    columns, shares = np.empty((z.shape[1], _BLOCK)), np.empty((len(centre), _BLOCK))
    for start in range(first, last, _BLOCK):
        end = min(last, start + _BLOCK)
        _lay_out(z, start, end, columns)
        _lay_out(share, start, end, shares)
        for k in range(len(centre)):
            for j in range(len(columns)):
                middle, n, a, b = centre[k, j], 0.0, 0.0, 0.0
                for i in range(_BLOCK):
                    away = columns[j, i] - middle
                    there = away == away
                    away, weight = away if there else 0.0, shares[k, i] if there else 0.0
                    n += weight
                    a += weight * away
                    b += weight * away * away
                known[k, j] += n
                total[k, j] += a
                square[k, j] += b
