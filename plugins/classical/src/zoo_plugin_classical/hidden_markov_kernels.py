"""Compiled passes over sequences of hidden states; imported at first use, since numba is slow to.

Sequences stand end to end: sequence s has the steps `offsets[s] … offsets[s + 1] − 1`. Each kernel
works on the sequences `first … last − 1` and lets go of the interpreter's lock, so that threads
can take sequences apart. All numbers are float64. `no_type_check` keeps checkers of annotations
from wrapping what numba compiles.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

LOST = 1e-200
"""A filtered probability below it counts as lost where the state was within reach."""
FAINT = 1e-90
"""A step whose probability is below it counts as lost, since the smallest are rounded up."""
SMALL = 1e-6
"""A sum of probabilities below it is scaled at once, before products with it get too small."""

_compiled = njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
_exact = njit(cache=True, nogil=True)


@_compiled
@no_type_check
def _row_product(row, matrix, out):
    """Multiply a row by a matrix, four of its rows at a time: `out` is read and written less."""
    width, whole = len(out), len(row) // 4 * 4
    for i in range(0, whole, 4):
        a, b, c, d = row[i], row[i + 1], row[i + 2], row[i + 3]
        for j in range(width):
            near = a * matrix[i, j] + b * matrix[i + 1, j]
            far = c * matrix[i + 2, j] + d * matrix[i + 3, j]
            out[j] = near + far if i == 0 else out[j] + (near + far)
    for i in range(whole, len(row)):
        a = row[i]
        for j in range(width):
            out[j] = a * matrix[i, j] if i == 0 else out[j] + a * matrix[i, j]


@_compiled
@no_type_check
def below_largest(logs, largest):
    """Find the largest number of each row, and take it from the others; −∞ is taken from none."""
    for t in range(len(logs)):
        most = logs[t, 0]
        for j in range(1, logs.shape[1]):
            most = max(most, logs[t, j])
        largest[t] = most
        if most > -math.inf:
            for j in range(logs.shape[1]):
                logs[t, j] -= most


@_compiled
@no_type_check
def forward(b, shift, offsets, first, last, initial, transition, alpha, log_prob, lost):
    """Filter: alpha_t(j) = p(z_t = j | x_1 … x_t), and log p(x) (Rabiner 1989, section V.A).

    `b` is p(x_t | z_t) times exp(−shift_t). `lost` says that a state within reach, or all of
    them at a step, have too small a probability for a float64.
    """
    states = len(initial)
    reach, now = np.empty(states), np.empty(states)
    for s in range(first, last):
        product, total, underflow, scale = 1.0, 0.0, False, 1.0
        for t in range(offsets[s], offsets[s + 1]):
            # The step before is scaled after it is multiplied: the division takes place meanwhile.
            if t == offsets[s]:
                reach[:] = initial
            else:
                _row_product(now, transition, reach)
            norm = 0.0
            for j in range(states):
                now[j] = reach[j] * scale * b[t, j]
                norm += now[j]
            scale = 1.0 / norm if norm > 0.0 else 0.0
            if norm < SMALL:
                for j in range(states):
                    now[j] *= scale
                scale = 1.0
            least = 1.0
            for j in range(states):
                alpha[t, j] = now[j] * scale
                least = min(least, alpha[t, j])
            underflow |= 0.0 < norm < FAINT
            if least < LOST:
                for j in range(states):
                    underflow |= alpha[t, j] < LOST and reach[j] > 0.0 and b[t, j] > 0.0
            product *= norm
            total += shift[t]
            if product < 1e-100:
                total += math.log(product) if product > 0.0 else -math.inf
                product = 1.0
        log_prob[s] = total + math.log(product)
        lost[s] = underflow


@_compiled
@no_type_check
def backward(b, offsets, first, last, transition, weight, alpha, moves):
    """Smooth in place, alpha_t(j) becomes weight · p(z_t = j | x); add up the expected moves.

    beta is kept such that Σ_j alpha_t(j) beta_t(j) = 1, so that it needs no scale of its own
    (Rabiner 1989, eqs. 25, 27 and 37). `moves` still lack the factor `transition`.
    """
    states = len(transition)
    transposed = np.ascontiguousarray(transition.T)
    beta, later = np.empty(states), np.empty(states)
    for s in range(first, last):
        factor, scale = weight[s], 1.0
        if factor == 0.0:
            alpha[offsets[s] : offsets[s + 1]] = 0.0
            continue
        beta[:] = 1.0
        for t in range(offsets[s + 1] - 1, offsets[s] - 1, -1):
            # beta still lacks the factor scale, as in `forward`.
            whole = scale * factor
            for j in range(states):
                # A state out of reach may have a beta beyond all numbers; it carries no path.
                later[j] = b[t, j] * beta[j] if alpha[t, j] > 0.0 else 0.0
                alpha[t, j] *= beta[j] * whole if alpha[t, j] > 0.0 else 0.0
            if t == offsets[s]:
                break
            _row_product(later, transposed, beta)
            norm = 0.0
            for i in range(states):
                beta[i] *= scale
                norm += alpha[t - 1, i] * beta[i]
            scale = 1.0 / norm if norm > 0.0 else 0.0
            whole *= scale
            if norm < SMALL:
                for i in range(states):
                    beta[i] *= scale
                scale = 1.0
            for i in range(states):
                share = alpha[t - 1, i] * whole
                for j in range(states):
                    moves[i, j] += share * later[j]


@_exact
@no_type_check
def log_forward(log_b, offsets, first, last, log_initial, log_transition, alpha, log_prob):
    """Filter in logarithms, for states whose probabilities are too small for a float64."""
    states = len(log_initial)
    reach = np.empty(states)
    for s in range(first, last):
        total = 0.0
        for t in range(offsets[s], offsets[s + 1]):
            for j in range(states):
                if t == offsets[s]:
                    reach[j] = log_initial[j] + log_b[t, j]
                else:
                    moved = _log_sum(alpha[t - 1], log_transition[:, j])
                    reach[j] = moved + log_b[t, j]
            norm = _log_total(reach)
            total += norm
            for j in range(states):
                alpha[t, j] = reach[j] - norm if norm > -math.inf else -math.inf
        log_prob[s] = total


@_exact
@no_type_check
def log_backward(log_b, offsets, first, last, log_transition, weight, alpha, moves):
    """Smooth in logarithms: log alpha becomes weight · p(z_t | x); add up the expected moves."""
    states = len(log_transition)
    beta, later, before = np.empty(states), np.empty(states), np.empty(states)
    for s in range(first, last):
        beta[:] = 0.0
        for t in range(offsets[s + 1] - 1, offsets[s] - 1, -1):
            for j in range(states):
                later[j] = log_b[t, j] + beta[j]
                both = alpha[t, j] + beta[j]
                alpha[t, j] = weight[s] * math.exp(both) if both > -math.inf else 0.0
            if t == offsets[s]:
                break
            for i in range(states):
                beta[i] = _log_sum(log_transition[i], later)
                before[i] = alpha[t - 1, i] + beta[i]
            norm = _log_total(before)
            if norm == -math.inf:
                norm = 0.0
            for i in range(states):
                beta[i] -= norm
                for j in range(states):
                    pair = alpha[t - 1, i] + log_transition[i, j] + later[j] - norm
                    if pair > -700.0:
                        moves[i, j] += weight[s] * math.exp(pair)


@_exact
@no_type_check
def _log_sum(a, b):
    """Give log Σ exp(a + b)."""
    highest = -math.inf
    for i in range(len(a)):
        highest = max(highest, a[i] + b[i])
    if highest == -math.inf:
        return highest
    total = 0.0
    for i in range(len(a)):
        gap = a[i] + b[i] - highest
        if gap > -700.0:
            total += math.exp(gap)
    return highest + math.log(total)


@_exact
@no_type_check
def _log_total(a):
    """Give log Σ exp(a)."""
    return _log_sum(a, np.zeros(len(a)))


@_exact
@no_type_check
def best_path(log_b, offsets, first, last, log_initial, log_transition, path, best):
    """Find the most probable path of each sequence, and its log-probability.

    Rabiner 1989, eqs. 32–35.
    """
    states = len(log_initial)
    longest = 0
    for s in range(first, last):
        longest = max(longest, offsets[s + 1] - offsets[s])
    pointers = np.zeros((longest, states), np.int32)
    score, reach = np.empty(states), np.empty(states)
    for s in range(first, last):
        begin, end = offsets[s], offsets[s + 1]
        best[s] = 0.0
        if begin == end:
            continue
        score[:] = log_initial + log_b[begin]
        for t in range(begin + 1, end):
            reach[:] = -math.inf
            for i in range(states):
                for j in range(states):
                    moved = score[i] + log_transition[i, j]
                    if moved > reach[j]:
                        reach[j] = moved
                        pointers[t - begin, j] = i
            score[:] = reach + log_b[t]
        state = np.argmax(score)
        best[s] = score[state]
        for t in range(end - 1, begin - 1, -1):
            path[t] = state
            state = pointers[t - begin, state]


@_exact
@no_type_check
def draw_chain(noise, offsets, first, last, initial, transition, path):
    """Draw states forwards from cumulative probabilities and uniform numbers, one a step.

    `initial` has a row a sequence.
    """
    highest = len(transition) - 1
    for s in range(first, last):
        state = 0
        for t in range(offsets[s], offsets[s + 1]):
            row = initial[s] if t == offsets[s] else transition[state]
            state = min(np.searchsorted(row, noise[t] * row[highest], side="right"), highest)
            path[t] = state


@_exact
@no_type_check
def draw_posterior(noise, offsets, first, last, log_filter, log_transition, path):
    """Draw states given the data, backwards: p(z_t | z_t+1, x) ∝ p(z_t | x_1 … x_t) p(z_t+1 | z_t).

    Forward-filtering backward-sampling (Chib 1996, section 2).
    """
    states = log_filter.shape[1]
    chances = np.empty(states)
    for s in range(first, last):
        for t in range(offsets[s + 1] - 1, offsets[s] - 1, -1):
            chances[:] = log_filter[t]
            if t < offsets[s + 1] - 1:
                chances += log_transition[:, path[t + 1]]
            chances[:] = np.exp(chances - chances.max())
            level = noise[t] * chances.sum()
            state = 0
            while state < states - 1 and (level >= chances[state] or chances[state] == 0.0):
                level -= chances[state]
                state += 1
            while chances[state] == 0.0:
                state -= 1
            path[t] = state
