"""Compiled sums of kernels; imported at first use, since numba is slow to.

Rows come in tiles `[tiles, d, size]` that stay in the first-level cache while all points pass by,
`size` a power of two of at least 16. Everything that is done to a tile is a loop without branches
over contiguous numbers of one type, which compilers turn into vector instructions; a library's
`exp` would not be. Each kernel lets go of the interpreter's lock.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

LOWEST, MAGIC, FACTOR = 13, 14, 15
"""Where `constants` has what follows the thirteen coefficients of the series."""
_DIGITS = {np.dtype(np.float32): (23, 127, 100.0), np.dtype(np.float64): (52, 1023, 1000.0)}
FAR = 1e30
"""A squared distance at which every kernel is 0."""

_compiled = njit(cache=True, nogil=True)
_fast = njit(cache=True, nogil=True, fastmath=True)
_ordered = njit(cache=True, nogil=True, fastmath={"contract"})


def constants(dtype: np.dtype, factor: float) -> tuple[np.ndarray, int, int]:
    """Give what is needed for exp(factor · x): the series of 2^f, bounds, shift and bias."""
    shift, bias, lowest = _DIGITS[np.dtype(dtype)]
    series = [math.log(2) ** k / math.factorial(k) for k in range(13)]
    # Adding 1.5 · 2^shift rounds to a whole number, whose bits are then the last ones.
    found = [*series, -lowest, 1.5 * 2.0**shift, factor / math.log(2)]
    return np.array(found, dtype), shift, bias << shift


def cosine_series(dtype: np.dtype) -> np.ndarray:
    """Give the coefficients of cos(π/2 √q) by powers of q."""
    terms = [(-1) ** k * (math.pi / 2) ** (2 * k) / math.factorial(2 * k) for k in range(12)]
    return np.array(terms, dtype)


@_fast
@no_type_check
def squares(x, known, tile, q):
    """Put Σ_k (x_k − row_k)² over the known entries into q, of each row of a tile."""
    size, count = len(q), len(known)
    for j in range(size):
        q[j] = 0
    done = 0
    while done + 8 <= count:
        k0, k1, k2, k3 = known[done], known[done + 1], known[done + 2], known[done + 3]
        k4, k5, k6, k7 = known[done + 4], known[done + 5], known[done + 6], known[done + 7]
        x0, x1, x2, x3, x4, x5, x6, x7 = x[k0], x[k1], x[k2], x[k3], x[k4], x[k5], x[k6], x[k7]
        r0, r1, r2, r3 = tile[k0], tile[k1], tile[k2], tile[k3]
        r4, r5, r6, r7 = tile[k4], tile[k5], tile[k6], tile[k7]
        for j in range(size):
            a, b, c, e = x0 - r0[j], x1 - r1[j], x2 - r2[j], x3 - r3[j]
            f, g, h, i = x4 - r4[j], x5 - r5[j], x6 - r6[j], x7 - r7[j]
            q[j] += a * a + b * b + c * c + e * e + f * f + g * g + h * h + i * i
        done += 8
    while done + 4 <= count:
        k0, k1, k2, k3 = known[done], known[done + 1], known[done + 2], known[done + 3]
        x0, x1, x2, x3 = x[k0], x[k1], x[k2], x[k3]
        r0, r1, r2, r3 = tile[k0], tile[k1], tile[k2], tile[k3]
        for j in range(size):
            a, b, c, e = x0 - r0[j], x1 - r1[j], x2 - r2[j], x3 - r3[j]
            q[j] += a * a + b * b + c * c + e * e
        done += 4
    while done < count:
        x0, r0 = x[known[done]], tile[known[done]]
        for j in range(size):
            a = x0 - r0[j]
            q[j] += a * a
        done += 1


@_fast
@no_type_check
def smallest(q, half):
    """Give the smallest number of q, by folding it in half again and again."""
    n = len(q) // 2
    for j in range(n):
        half[j] = q[j] if q[j] < q[n + j] else q[n + j]
    while n > 8:
        n //= 2
        for j in range(n):
            half[j] = half[j] if half[j] < half[n + j] else half[n + j]
    least = half[0]
    for j in range(1, n):
        least = min(least, half[j])
    return least


@_ordered
@no_type_check
def split(q, low, series, whole, fraction):
    """Part factor · (low − q) / log 2 into a whole number and a fraction, |fraction| ≤ ½.

    The whole number stands in the last bits of `whole`. The order of operations matters, for
    (s + magic) − magic rounds.
    """
    for j in range(len(q)):
        y = (low - q[j]) * series[FACTOR]
        y = y if y > series[LOWEST] else series[LOWEST]
        s = y + series[MAGIC]
        whole[j] = s
        fraction[j] = y - (s - series[MAGIC])


@_fast
@no_type_check
def powers_single(series, fraction):
    """Make 2^f of a fraction f, to the digits of a float32."""
    for j in range(len(fraction)):
        f = fraction[j]
        p = series[7] * f + series[6]
        for k in range(5, -1, -1):
            p = p * f + series[k]
        fraction[j] = p


@_fast
@no_type_check
def powers_double(series, fraction):
    """Make 2^f of a fraction f, to the digits of a float64."""
    for j in range(len(fraction)):
        f = fraction[j]
        p = series[12] * f + series[11]
        for k in range(10, -1, -1):
            p = p * f + series[k]
        fraction[j] = p


@_fast
@no_type_check
def powers_whole(bits, shift, bias):
    """Make 2^n of a number whose last bits are n: they become its exponent."""
    for j in range(len(bits)):
        bits[j] = (bits[j] << shift) + bias


@_fast
@no_type_check
def product_sum(w, a, b):
    """Give Σ w a b, added up in double precision."""
    total = 0.0
    for j in range(len(w)):
        total += w[j] * a[j] * b[j]
    return total


@_fast
@no_type_check
def roots(q):
    """Take square roots in place."""
    for j in range(len(q)):
        q[j] = math.sqrt(q[j])


@_compiled
@no_type_check
def missing(points):
    """Mark the points that lack an entry."""
    marks = np.zeros(len(points), np.bool_)
    for i in range(len(points)):
        marks[i] = np.isnan(points[i]).any()
    return marks


@_compiled
@no_type_check
def exponential_sums(points, tiles, weights, rooted, series, shift, bias, scratch, bits, own, out):
    """Put log Σ_j w_j exp(−factor · v_ij) into out: v the squared distance, or its root.

    The sum is kept relative to its largest term, so that nothing far away is lost. Row `own + i`
    is left out of the sum of point i, unless `own` is negative.
    """
    q, whole, fraction = scratch[0], scratch[1], scratch[2]
    size, factor = len(q), series[FACTOR] * math.log(2.0)
    low, total = np.full(len(points), np.inf, points.dtype), np.zeros(len(points))
    every, lacking = np.arange(points.shape[1]), missing(points)
    for t in range(len(tiles)):
        for i in range(len(points)):
            known = np.nonzero(~np.isnan(points[i]))[0] if lacking[i] else every
            squares(points[i], known, tiles[t], q)
            if own >= 0 and (own + i) // size == t:
                q[(own + i) % size] = FAR
            if rooted:
                roots(q)
            near = smallest(q, fraction)
            if near < low[i]:
                if total[i] > 0.0:
                    total[i] *= math.exp(factor * (near - low[i]))
                low[i] = near
            if factor * (near - low[i]) < 80.0:
                split(q, low[i], series, whole, fraction)
                if shift == 23:
                    powers_single(series, fraction)
                else:
                    powers_double(series, fraction)
                powers_whole(bits, shift, bias)
                total[i] += product_sum(weights[t], whole, fraction)
    for i in range(len(points)):
        out[i] = math.log(total[i]) - factor * low[i]


@_fast
@no_type_check
def bounded_values(q, shape, cosine, value):
    """Turn squared distances into values of a bounded kernel, which is 0 from 1 on.

    `shape` says which: the tophat (0), epanechnikov (1), linear (2) or cosine kernel (3).
    """
    if shape == 2:
        roots(q)
    for j in range(len(q)):
        u = q[j] if q[j] < 1.0 else 1.0
        p = 1.0 - u
        if shape == 0:
            p = 1.0
        elif shape == 3:
            p = cosine[11]
            for k in range(10, -1, -1):
                p = p * u + cosine[k]
        value[j] = p if q[j] < 1.0 else 0.0


@_compiled
@no_type_check
def bounded_sums(points, tiles, weights, shape, cosine, scratch, own, out):
    """Put log Σ_j w_j K(v_ij) into out, v the squared distance and K a bounded kernel."""
    q, value, one = scratch[0], scratch[1], scratch[2]
    size, total, every = len(q), np.zeros(len(points)), np.arange(points.shape[1])
    one[:] = 1
    for t in range(len(tiles)):
        for i in range(len(points)):
            squares(points[i], every, tiles[t], q)
            if own >= 0 and (own + i) // size == t:
                q[(own + i) % size] = FAR
            if smallest(q, value) < 1.0:
                bounded_values(q, shape, cosine, value)
                total[i] += product_sum(weights[t], value, one)
    for i in range(len(points)):
        out[i] = math.log(total[i]) if total[i] > 0.0 else -np.inf
