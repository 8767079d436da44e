"""Compiled passes over rows of counts; imported at first use, since numba is slow to.

They work on the rows `first … last − 1` and let go of the interpreter's lock. `no_type_check` keeps
checkers of annotations from wrapping what numba compiles.
"""

from __future__ import annotations

import math
from typing import no_type_check

from numba import njit

# Sums may be reordered.
_compiled = njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})


@_compiled
@no_type_check
def sums(x, y, weight, first, last, table, rows, events, lacking):
    """Add up counts, and the weight of missing ones, a class; give Σ weight · log x!."""
    total = 0.0
    for i in range(first, last):
        k, w = y[i], weight[i * (len(weight) > 1)]
        if w == 0:
            continue
        rows[k] += w
        row, sums = x[i], events[k]
        lowest, highest = 0, 0
        for j in range(len(row)):
            lowest, highest = min(lowest, row[j]), max(highest, row[j])
            sums[j] += w * row[j]
        if lowest < 0:
            _take_back(row, w, sums, lacking[k])
        total += w * _log_factorials(row, lowest, highest, table)
    return total


@_compiled
@no_type_check
def _take_back(row, w, sums, lacking):
    for j in range(len(row)):
        if row[j] < 0:
            sums[j] += w
            lacking[j] += w


@_compiled
@no_type_check
def _log_factorials(row, lowest, highest, table):
    total = 0.0
    if highest < 2:
        return total
    if lowest >= 0 and highest < len(table):
        for j in range(len(row)):
            total += table[row[j]]
        return total
    for j in range(len(row)):
        if row[j] > 1:
            total += math.lgamma(row[j] + 1.0)
    return total
