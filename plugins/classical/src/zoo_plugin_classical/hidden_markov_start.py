"""Where Baum–Welch starts: which steps of the data each state is taken to account for at first."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_core.interfaces.space import Space
from zoo_plugin_classical.known_states import KnownStates
from zoo_plugin_classical.mixture_start import ROWS, Start, comparable, drawn_rows, groups


def drawn_steps(
    weight: Float[Tensor, " t"], rng: torch.Generator
) -> tuple[Int64[Tensor, " m"], Float[Tensor, " m"]]:
    """Draw the numbers of some steps, and give what each counts; few are all taken."""
    some = weight.nonzero()[:, 0]
    if len(some) <= ROWS:
        return some, weight[some]
    return drawn_rows([(torch.arange(len(weight), device=weight.device), weight)], rng)


def first_shares(
    steps: Tensor,
    weight: Float[Tensor, " m"],
    space: Space,
    known: Int64[Tensor, " m"],
    k: int,
    start: Start,
    rng: torch.Generator,
) -> Float[Tensor, "m k"]:
    """Share steps among k states, each counted by its weight.

    A `known` state (≥ 0) begins with the steps that are known to be in it, and with no others.
    """
    told = (known >= 0)[:, None]
    shares = one_hot(known.clamp_min(0), k).to(weight) * told
    free = (shares.sum(0) == 0).nonzero()[:, 0]
    rest = (known < 0).nonzero()[:, 0]
    if len(free) and len(rest):
        arguments = (steps[rest], weight[rest], space, len(free), start, rng)
        shares[rest[:, None], free] = _grouped(*arguments)
    return shares * weight[:, None]


def first_counts(
    lengths: Int64[Tensor, " n"],
    known: KnownStates | None,
    k: int,
    start: Start,
    rng: torch.Generator,
) -> tuple[Float[Tensor, " k"], Float[Tensor, "k k"]]:
    """Give counts of first states and of moves: those known, and 1 more of each, or about 1."""
    counts = torch.ones(k + 1, k, dtype=torch.float64, device=rng.device)
    if start is Start.RANDOM:
        counts.exponential_(generator=rng)
    counts = counts.to(lengths.device)
    if known is None:
        return counts[0], counts[1:]
    initial, moves = known.counts(lengths, k)
    return counts[0] + initial, counts[1:] + moves


def _grouped(
    steps: Tensor, weight: Tensor, space: Space, k: int, start: Start, rng: torch.Generator
) -> Float[Tensor, "m k"]:
    """Put like steps together; at random, codes have a share of each state instead."""
    if start is Start.RANDOM and space.n_levels is not None:
        distinct, which = torch.unique(steps, dim=0, return_inverse=True)
        noise = torch.rand(len(distinct), k, generator=rng, device=rng.device).to(steps.device)
        shares = noise.clamp_min(1e-6).log().neg()
        return (shares / shares.sum(1, keepdim=True))[which].to(weight)
    group = groups(_numbers(steps, weight, space), weight.double(), k, start, rng)
    return one_hot(group, k).to(weight)


def _numbers(steps: Tensor, weight: Tensor, space: Space) -> Float[Tensor, "m f"]:
    """Give numbers by whose distance steps are alike: scaled entries, or an indicator a code."""
    missing = space.is_missing(steps)
    if space.n_levels is None:
        return comparable(steps.double().masked_fill(missing, torch.nan), weight.double())
    codes = one_hot(steps.clamp_min(0), space.n_levels).double()
    return codes.masked_fill(missing[..., None], 0.0).flatten(1)
