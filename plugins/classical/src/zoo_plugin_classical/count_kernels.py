"""Compiled passes over rows of counts; imported at first use, since numba is slow to.

They work on the rows `first … last − 1` and let go of the interpreter's lock. `no_type_check` keeps
checkers of annotations from wrapping what numba compiles.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

_FEW = 8
"""A row is gone through count by count where fewer than one entry in so many is above 0."""

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


@_compiled
@no_type_check
def log_ratios(x, first, last, log_rate, by_entry, rate, scores):
    """Give Σ_j x_j log_rate_kj − rate_kj over the known counts; `by_entry` is log_rate transposed.

    Rows of few counts, as texts are, are gone through count by count.
    """
    total = rate.sum(1)
    counts, places = np.empty(x.shape[1], log_rate.dtype), np.empty(x.shape[1], np.int64)
    for i in range(first, last):
        row, own = x[i], scores[i]
        lowest, some = 0, 0
        for j in range(len(row)):
            lowest = min(lowest, row[j])
            some += row[j] != 0
            counts[j] = row[j]
        if lowest < 0:
            for j in range(len(row)):
                counts[j] = max(row[j], 0)
        if _FEW * some < len(row):
            _few(row, counts, places, by_entry, own)
        else:
            _many(counts, log_rate, own)
        for k in range(len(own)):
            own[k] -= total[k]
        if lowest < 0:
            for j in range(len(row)):
                if row[j] < 0:
                    for k in range(len(own)):
                        own[k] += rate[k, j]


@_compiled
@no_type_check
def _many(counts, log_rate, own):
    for k in range(len(own)):
        weights = log_rate[k]
        score = counts.dtype.type(0)
        for j in range(len(counts)):
            score += counts[j] * weights[j]
        own[k] = score


@_compiled
@no_type_check
def _few(row, counts, places, by_entry, own):
    some = 0
    for j in range(len(row)):
        places[some] = j
        some += row[j] != 0
    own[:] = 0
    for place in places[:some]:
        count, weights = counts[place], by_entry[place]
        for k in range(len(own)):
            own[k] += count * weights[k]
