"""The rows of a data set as a model takes them: told what they are only where it asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

from jaxtyping import Int
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.rows import Rows


def rows_for(dataset: Dataset, *, told: bool) -> Batch | Rows | Iterable[Batch]:
    """Give the rows of a data set, their conditions left out for a model that isn't told any."""
    data = dataset.data
    if told:
        return data
    if isinstance(data, Batch):
        return _untold(data)
    return UntoldRows(data) if isinstance(data, Rows) else UntoldBatches(data)


@final
class UntoldRows(Rows):
    """Rows without their conditions."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def take(self, rows: Int[Tensor, " k"]) -> Batch:
        """Fetch rows."""
        return _untold(self._rows.take(rows))


@final
@dataclass(frozen=True)
class UntoldBatches:
    """A re-iterable of batches without their conditions."""

    batches: Iterable[Batch]

    def __iter__(self) -> Iterator[Batch]:
        return map(_untold, self.batches)


def _untold(batch: Batch) -> Batch:
    return Batch(batch.x, None, batch.weight)
