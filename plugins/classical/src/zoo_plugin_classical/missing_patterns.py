"""Missing patterns: rows put together by which of their entries are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Int64
from torch import Tensor


@final
@dataclass(frozen=True)
class PatternBlock:
    """A few patterns of known entries and the rows that have each, about as many each.

    Patterns of fewer rows than the most are filled up by repeats of a row, which aren't `real`.
    """

    known: Bool[Tensor, "p d"]
    rows: Int64[Tensor, "p m"]
    real: Bool[Tensor, "p m"]


def pattern_blocks(known: Bool[Tensor, "n d"], largest: int) -> Iterator[PatternBlock]:
    """Go through the patterns of rows, in blocks of at most `largest` rows (or one pattern).

    Patterns of similar numbers of rows go together, so that a block holds at most about twice the
    rows that there are.
    """
    patterns, which, counts = known.unique(dim=0, return_inverse=True, return_counts=True)
    order = counts.argsort(descending=True)
    rows = which.argsort(stable=True)
    first = counts.cumsum(0) - counts
    sizes = counts[order].tolist()
    start = 0
    while start < len(sizes):
        most, stop = sizes[start], start + 1
        while (
            stop < len(sizes) and 2 * sizes[stop] >= most and (stop + 1 - start) * most <= largest
        ):
            stop += 1
        chosen = order[start:stop]
        place = torch.arange(most, device=known.device)
        real = place < counts[chosen, None]
        index = first[chosen, None] + torch.where(real, place, 0)
        yield PatternBlock(patterns[chosen], rows[index], real)
        start = stop
