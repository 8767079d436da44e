"""Rows: data that are fetched when they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import final

import torch
from jaxtyping import Int
from torch import Tensor

from zoo_core.interfaces.batch import Batch

CHUNK = 1024
"""How many rows one batch of a pass has."""


class Rows(ABC):
    """Rows that stay where they are until asked for: larger than memory, pictures in a folder.

    Any of them can be taken, so that they can be shuffled; gone through in order they are a
    re-iterable of Batches.
    """

    @abstractmethod
    def __len__(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def take(self, rows: Int[Tensor, " k"]) -> Batch:
        """Fetch the rows of these numbers, in data space. Raises DataError for bad data."""

    @final
    def __iter__(self) -> Iterator[Batch]:
        """Go through all rows in order, a chunk at a time."""
        for numbers in torch.arange(len(self)).split(CHUNK):
            if len(numbers):
                yield self.take(numbers)
