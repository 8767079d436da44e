"""Where batches come from: rows in memory, or a re-iterable of batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import count
from typing import final

from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_plugin_training.order import BatchOrder


class Source(ABC):
    """Training data as an endless series of batches, the same for the same seed."""

    steps_per_epoch: float
    mean_weight: float
    """Mean weight of a row over the whole data; 1 where there are no weights."""

    @abstractmethod
    def batches(self, first: int) -> Iterator[Batch]:
        """Give the batches of the steps from `first` on."""


@final
class RowSource(Source):
    """Rows in memory, shuffled anew in each epoch."""

    def __init__(self, data: Batch, batch_size: int, *, seed: int) -> None:
        self._data = data
        self._order = BatchOrder(len(data), batch_size, seed=seed)
        self.steps_per_epoch = len(data) / self._order.batch_size
        self.mean_weight = 1.0 if data.weight is None else _positive(data.weight.double().mean())

    def batches(self, first: int) -> Iterator[Batch]:
        """Give the batches of the steps from `first` on."""
        for step in count(first):
            yield self._data.take(self._order.at(step))


@final
class StreamSource(Source):
    """A re-iterable of batches, taken as they come, epoch after epoch."""

    def __init__(self, data: Iterable[Batch]) -> None:
        self._data = data
        rows, batches, total = 0, 0, 0.0
        for batch in data:
            rows, batches = rows + len(batch), batches + 1
            total += len(batch) if batch.weight is None else float(batch.weight.double().sum())
        if rows == 0:
            raise _no_batches()
        self.steps_per_epoch = batches
        self.mean_weight = _positive(total / rows)

    def batches(self, first: int) -> Iterator[Batch]:
        """Give the batches of the steps from `first` on."""
        skipped = first % int(self.steps_per_epoch)
        while True:
            seen = 0
            for batch in self._data:
                seen += 1
                if seen > skipped:
                    yield batch
            if seen == 0:
                raise _no_batches()
            skipped = 0


def source_of(data: Batch | Iterable[Batch], batch_size: int, *, seed: int) -> Source:
    """Choose the source for what `fit` was given."""
    if isinstance(data, Batch):
        return RowSource(data, batch_size, seed=seed)
    return StreamSource(data)


def _no_batches() -> DataError:
    return DataError(
        "Data given as batches can be gone through again and again",
        received="an iterable that gave no batch",
        remedy="Give an object whose __iter__ starts afresh, not a generator.",
    )


def _positive(mean: Tensor | float) -> float:
    if not float(mean) > 0:
        raise DataError("At least one row has a weight above 0", received="only weights of 0")
    return float(mean)
