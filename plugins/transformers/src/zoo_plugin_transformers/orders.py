"""Random orders of the entries of texts."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def random_ranks(
    unknown: Bool[Tensor, "n longest"], orders: int, rng: torch.Generator
) -> Int[Tensor, "orders n longest"]:
    """Give each unknown entry its rank 0, 1, … in a random order of its row's; −1 to the others."""
    shape = (orders, *unknown.shape)
    keys = torch.rand(shape, generator=rng, device=unknown.device, dtype=torch.float64)
    ranks = keys.masked_fill(~unknown, 2.0).argsort(-1).argsort(-1)
    return ranks.masked_fill(~unknown, -1)


def passes(counts: Tensor, steps: int | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Give the ranks that each pass fills in, from the first to the last, of each text."""
    for step in range(int(counts.max()) if steps is None else steps):
        if steps is None:
            yield torch.full_like(counts, step), torch.full_like(counts, step + 1)
        else:
            yield counts * step // steps, counts * (step + 1) // steps
