"""Where batches come from: rows in memory, rows fetched when needed, a re-iterable of batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import final

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.rows import Rows
from zoo_plugin_training.order import BatchOrder


@final
@dataclass(frozen=True)
class Share:
    """Which of several processes' rows of every batch are taken: consecutive ones."""

    rank: int = 0
    size: int = 1

    def of(self, n: int) -> tuple[int, int]:
        """Give the first of this process's rows of a batch of n, and the one after its last."""
        return self.rank * n // self.size, (self.rank + 1) * n // self.size


@final
@dataclass(frozen=True)
class Portion:
    """This process's rows of a batch of `rows` rows for all `processes`.

    Where there are fewer rows than processes, one that has none gets a row of weight 0.
    """

    batch: Batch
    rows: int
    processes: int = 1

    def parts(self, wanted: int) -> Iterator[Batch]:
        """Cut it into parts, as many in each process: fewer where there would be empty ones."""
        parts = max(1, min(wanted, self.rows // self.processes))
        if parts == 1:
            yield self.batch
            return
        for index in range(parts):
            start, stop = Share(index, parts).of(len(self.batch))
            yield self.batch.take(torch.arange(start, stop))


class Source(ABC):
    """Training data as an endless series of batches, the same for the same seed."""

    steps_per_epoch: float
    mean_weight: float
    """Mean weight of a row over the whole data; 1 where there are no weights."""

    @abstractmethod
    def portions(self, first: int, share: Share) -> Iterator[Portion]:
        """Give a process's rows of the batches from `first` on."""


@final
class RowSource(Source):
    """Rows that any order can be taken of, shuffled anew in each epoch."""

    def __init__(self, data: Batch | Rows, batch_size: int, *, seed: int) -> None:
        self._data = data
        self._order = BatchOrder(len(data), batch_size, seed=seed)
        self.steps_per_epoch = len(data) / self._order.batch_size
        self.mean_weight = _mean_weight(data)

    def portions(self, first: int, share: Share) -> Iterator[Portion]:
        """Give a process's rows of the batches from `first` on."""
        for number in count(first):
            rows = self._order.at(number)
            start, stop = share.of(len(rows))
            if start < stop:
                batch = self._data.take(rows[start:stop])
            else:
                batch = _weightless(self._data.take(rows[:1]))
            yield Portion(batch, len(rows), share.size)


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

    def portions(self, first: int, share: Share) -> Iterator[Portion]:
        """Give a process's rows of the batches from `first` on."""
        skipped = first % int(self.steps_per_epoch)
        while True:
            seen = 0
            for batch in self._data:
                seen += 1
                if seen > skipped:
                    yield _portion(batch, share)
            if seen == 0:
                raise _no_batches()
            skipped = 0


def source_of(data: Batch | Iterable[Batch], batch_size: int, *, seed: int) -> Source:
    """Choose the source for what `fit` was given."""
    if isinstance(data, Batch | Rows):
        return RowSource(data, batch_size, seed=seed)
    return StreamSource(data)


def _portion(batch: Batch, share: Share) -> Portion:
    if share.size == 1:
        return Portion(batch, len(batch))
    start, stop = share.of(len(batch))
    if start == stop:
        return Portion(_weightless(batch.take(torch.arange(1))), len(batch), share.size)
    return Portion(batch.take(torch.arange(start, stop)), len(batch), share.size)


def _weightless(batch: Batch) -> Batch:
    return Batch(batch.x, batch.condition, torch.zeros(len(batch), dtype=torch.float64))


def _mean_weight(data: Batch | Rows) -> float:
    """Give the mean weight; rows that are fetched are gone through only where they have weights."""
    if isinstance(data, Batch):
        return 1.0 if data.weight is None else _positive(data.weight.double().mean())
    if not len(data):
        raise _no_batches()
    if data.take(torch.arange(1)).weight is None:
        return 1.0
    total = sum(float(b.weight.double().sum()) for b in data if b.weight is not None)
    return _positive(total / len(data))


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
