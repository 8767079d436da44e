"""Forward and backward passes by compiled kernels, in threads over sequences."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from zoo_plugin_classical.threads import in_threads, spans

if TYPE_CHECKING:
    from zoo_plugin_classical.forward_backward import Chain

LEAST = 1e-300
"""What a possible step's probability is rounded up to where moves are forbidden."""
_CHUNK = 2**13
"""Steps that are scaled at once: what stays in a processor's cache."""


class _Filter(NamedTuple):
    """Filtered probabilities, their logarithms for `lost` sequences; log p(x) a sequence."""

    b: np.ndarray
    alpha: np.ndarray
    log_prob: np.ndarray
    lost: np.ndarray


def log_prob(chain: Chain, safe: bool) -> Tensor:
    """Give log p(x) of each sequence `[n]`."""
    return torch.from_numpy(_filtered(chain, safe).log_prob)


def log_filter(chain: Chain, safe: bool) -> Tensor:
    """Give log p(z_t | x_1 … x_t), `[T, S]`."""
    _, alpha, _, lost = _filtered(chain, safe)
    steps = np.repeat(lost, chain.lengths.numpy())
    with np.errstate(divide="ignore"):
        np.log(alpha, out=alpha, where=~steps[:, None])
    return torch.from_numpy(alpha)


def posterior(chain: Chain, weight: Tensor, safe: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Give log p(x) `[n]`, weight · p(z_t | x) `[T, S]`, and the expected moves `[S, S]`."""
    from zoo_plugin_classical import hidden_markov_kernels as kernels

    b, alpha, log_prob, lost = _filtered(chain, safe)
    log_transition, offsets = chain.log_transition.numpy(), offsets_of(chain.lengths)
    transition, weights = np.exp(log_transition), weight.numpy()
    log_b = chain.log_emission.numpy()

    def work(first: int, last: int) -> np.ndarray:
        moves, own = np.zeros_like(transition), np.zeros_like(transition)
        for begin, end in _runs(~lost, first, last):
            kernels.backward(b, offsets, begin, end, transition, weights, alpha, moves)
        for begin, end in _runs(lost, first, last):
            kernels.log_backward(log_b, offsets, begin, end, log_transition, weights, alpha, own)
        return moves * transition + own

    moves = sum(in_threads(work, pieces(offsets)))
    return torch.from_numpy(log_prob), torch.from_numpy(alpha), torch.as_tensor(moves)


def _filtered(chain: Chain, safe: bool) -> _Filter:
    """Filter by scaled probabilities, and those sequences that lose some by logarithms."""
    from zoo_plugin_classical import hidden_markov_kernels as kernels

    b, shift = _scaled(chain, safe)
    log_initial, log_transition = chain.log_initial.numpy(), chain.log_transition.numpy()
    initial, transition = np.exp(log_initial), np.exp(log_transition)
    offsets, log_b = offsets_of(chain.lengths), chain.log_emission.numpy()
    n = len(chain.lengths)
    alpha, log_prob, lost = np.empty_like(b), np.zeros(n), np.zeros(n, np.bool_)

    def work(first: int, last: int) -> None:
        arguments = (initial, transition, alpha, log_prob, lost)
        kernels.forward(b, shift, offsets, first, last, *arguments)
        if safe:
            lost[first:last] = False
        for begin, end in _runs(lost, first, last):
            logs = (log_initial, log_transition, alpha, log_prob)
            kernels.log_forward(log_b, offsets, begin, end, *logs)

    in_threads(work, pieces(offsets))
    return _Filter(b, alpha, log_prob, lost)


def _scaled(chain: Chain, safe: bool) -> tuple[np.ndarray, np.ndarray]:
    """Give p(x_t | z_t) over the largest of its step `[T, S]`, and the log of that `[T]`."""
    from zoo_plugin_classical import hidden_markov_kernels as kernels

    logs = chain.log_emission
    b = logs if safe and chain.spend else logs.clone()
    shift = logs.new_zeros(len(logs))
    for rows, largest in zip(b.split(_CHUNK), shift.split(_CHUNK), strict=True):
        kernels.below_largest(rows.numpy(), largest.numpy())
        rows.exp_()
    if not safe:
        # What is possible stays above 0, so that the kernel sees what it loses.
        b = torch.where(logs > -torch.inf, b.clamp_min_(LEAST), b)
    return b.numpy(), shift.numpy()


def offsets_of(lengths: Tensor) -> np.ndarray:
    """Give where each sequence begins, and the end, `[n + 1]`."""
    return np.concatenate([[0], np.cumsum(lengths.numpy())])


def pieces(offsets: np.ndarray) -> list[tuple[int, int]]:
    """Cut sequences into a piece a thread, of about as many steps each."""
    cuts = [first for first, _ in spans(int(offsets[-1]))][1:]
    n = len(offsets) - 1
    inner = {int(cut) for cut in np.searchsorted(offsets, cuts)} - {0, n}
    return list(pairwise([0, *sorted(inner), n]))


def _runs(chosen: np.ndarray, first: int, last: int) -> Iterable[tuple[int, int]]:
    """Give the runs of chosen sequences between two as (begin, end)."""
    edges = np.flatnonzero(np.diff(chosen[first:last].astype(np.int8), prepend=0, append=0))
    return zip((edges[::2] + first).tolist(), (edges[1::2] + first).tolist(), strict=True)


def best_path(chain: Chain) -> tuple[Tensor, Tensor]:
    """Give the most probable paths' states end to end `[T]`, and log p(x, path) `[n]`."""
    from zoo_plugin_classical import hidden_markov_kernels as kernels

    offsets = offsets_of(chain.lengths)
    path, best = np.zeros(int(offsets[-1]), np.int64), np.zeros(len(chain.lengths))
    log_initial, log_transition = chain.log_initial.numpy(), chain.log_transition.numpy()
    log_b = chain.log_emission.numpy()

    def work(first: int, last: int) -> None:
        kernels.best_path(log_b, offsets, first, last, log_initial, log_transition, path, best)

    in_threads(work, pieces(offsets))
    return torch.from_numpy(path), torch.from_numpy(best)


def drawn_chain(lengths: Tensor, initial: Tensor, transition: Tensor, noise: Tensor) -> Tensor:
    """Draw the states of sequences end to end from one uniform number a step, `[T]`.

    `initial [n, S]` has the probabilities of each sequence's first state.
    """
    from zoo_plugin_classical import hidden_markov_kernels as kernels

    offsets, path = offsets_of(lengths), np.zeros(len(noise), np.int64)
    first = initial.to(torch.float64).cumsum(-1).numpy()
    rows = transition.to(torch.float64).cumsum(-1).numpy()
    kernels.draw_chain(noise.numpy(), offsets, 0, len(lengths), first, rows, path)
    return torch.from_numpy(path)


def drawn_posterior(chain: Chain, log_filtered: Tensor, noise: Tensor) -> Tensor:
    """Draw states given the data from one uniform number a step, `[T]`."""
    from zoo_plugin_classical import hidden_markov_kernels as kernels

    offsets, path = offsets_of(chain.lengths), np.zeros(len(noise), np.int64)
    logs = log_filtered.numpy(), chain.log_transition.numpy()
    kernels.draw_posterior(noise.numpy(), offsets, 0, len(chain.lengths), *logs, path)
    return torch.from_numpy(path)
