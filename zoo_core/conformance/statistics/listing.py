"""Listing: every combination of codes below a number of levels each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True)
class Listing:
    """The rows of codes `[k, d]` that are below `levels` in each of d entries.

    The last entry changes first.
    """

    levels: tuple[int, ...]

    def __len__(self) -> int:
        return math.prod(self.levels)

    @property
    def rows(self) -> Tensor:
        """Give every row, `[k, d]`; one without entries where there are none."""
        columns = [torch.arange(levels) for levels in self.levels]
        grids = torch.meshgrid(*columns, indexing="ij") if columns else ()
        return torch.stack([g.flatten() for g in grids], 1) if grids else torch.zeros(1, 0).long()

    def number_of(self, codes: Tensor) -> Tensor:
        """Give the place of each row `[n, d]` in `rows`; codes beyond count as the last ones."""
        found = torch.zeros(len(codes), dtype=torch.int64)
        for levels, column in zip(self.levels, codes.T, strict=True):
            found = found * levels + column.long().clamp(0, levels - 1)
        return found

    def doubled(self, entry: int) -> Listing:
        """List twice as many levels of one entry."""
        levels = (*self.levels[:entry], 2 * self.levels[entry], *self.levels[entry + 1 :])
        return replace(self, levels=levels)

    def beyond(self, entry: int) -> Tensor:
        """Give the rows that doubling the levels of one entry adds, `[k, d]`."""
        rows = self.rows
        rows[:, entry] += self.levels[entry]
        return rows
