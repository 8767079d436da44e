"""What a reader makes of a file or folder, and one split of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.space import Space

IN_MEMORY_BYTES = 2**28
"""Rows that take no more than this are held in memory; others stay on disk."""


@final
@dataclass(frozen=True, eq=False)
class Opened:
    """All rows of a file or folder, checked.

    `splits` are the row numbers of the splits that the data bring; where they bring none, they
    are cut by shares. `in_order` keeps the rows of such a split together. `characters` are those
    that each row of tokens stands for; `lossless` is whether tokens give the text again.
    """

    rows: Batch | Rows
    space: Space
    sha256: str
    provenance: str
    classes: tuple[str, ...] = ()
    alphabet: tuple[str, ...] = ()
    in_order: bool = False
    characters: Int[Tensor, " n"] | None = None
    lossless: bool = True
    splits: Mapping[Split, Tensor] | None = None

    def dataset(self, name: str, request: DataRequest) -> Dataset:
        """Give the split that is asked for. Raises DataError where it would be empty."""
        numbers = self._numbers(name, request)
        return Dataset(
            name=name,
            split=request.split,
            data=self._part(numbers),
            space=self.space,
            classes=self.classes,
            alphabet=self.alphabet,
            provenance=self.provenance,
            sha256=self.sha256,
            characters=None if self.characters is None else self.characters[numbers],
            lossless=self.lossless,
        )

    def _part(self, numbers: Int[Tensor, " k"]) -> Batch | Rows:
        """Give some rows; of those in memory a copy, since they are kept for the next split."""
        if isinstance(self.rows, Batch):
            return self.rows.take(numbers)
        return self.rows if len(numbers) == len(self.rows) else Part(self.rows, numbers)

    def _numbers(self, name: str, request: DataRequest) -> Int[Tensor, " k"]:
        """Choose the rows of the split. Raises DataError where it would be empty."""
        if request.split is Split.ALL:
            return torch.arange(len(self.rows))
        splits = self.splits or split_rows(len(self.rows), request, in_order=self.in_order)
        numbers = splits[request.split]
        if not len(numbers):
            raise DataError(
                f"{name} has rows for the split {request.split!s}",
                received=f"{len(self.rows)} rows in all, of which {request.valid_share:g} are for "
                f"validation and {request.test_share:g} for the test",
                remedy="Give more rows or other shares.",
            )
        return numbers


@final
class Part(Rows):
    """Some of the rows of others, in the order of their numbers."""

    def __init__(self, rows: Rows, numbers: Int[Tensor, " k"]) -> None:
        self._rows, self._numbers = rows, numbers

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._numbers)

    def take(self, rows: Int[Tensor, " k"]) -> Batch:
        """Fetch rows."""
        return self._rows.take(self._numbers[rows])


def split_rows(n: int, request: DataRequest, *, in_order: bool = False) -> dict[Split, Tensor]:
    """Give the row numbers of each split, in ascending order: a function of n and the shares.

    Rows are dealt out by a fixed permutation (numpy's RandomState(0), whose stream never
    changes); with `in_order` the test rows are the last ones and the validation rows those
    before. A share above 0 is at least one row.
    """
    order = np.arange(n)[::-1] if in_order else np.random.RandomState(0).permutation(n)
    test, valid = (_count(n, share) for share in (request.test_share, request.valid_share))
    parts = {
        Split.TEST: order[:test],
        Split.VALID: order[test : test + valid],
        Split.TRAIN: order[test + valid :],
    }
    return {split: torch.from_numpy(np.sort(rows)) for split, rows in parts.items()}


def cut_splits(sizes: Mapping[Split, int], request: DataRequest) -> dict[Split, Tensor]:
    """Give the row numbers of splits that lie one after the other, the training rows first.

    A split that is missing is cut from the training rows by its share.
    """
    ends = list(accumulate(sizes.values()))
    parts = {
        split: torch.arange(end - size, end)
        for (split, size), end in zip(sizes.items(), ends, strict=True)
    }
    shares = {
        "valid_share": 0.0 if Split.VALID in sizes else request.valid_share,
        "test_share": 0.0 if Split.TEST in sizes else request.test_share,
    }
    return {**split_rows(sizes[Split.TRAIN], replace(request, **shares)), **_others(parts)}


def _others(parts: Mapping[Split, Tensor]) -> dict[Split, Tensor]:
    return {split: rows for split, rows in parts.items() if split is not Split.TRAIN}


def _count(n: int, share: float) -> int:
    return max(1, round(n * share)) if share > 0 else 0
