"""The held-out figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

import torch

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.rows import Rows
from zoo_plugin_training.processes import Processes
from zoo_plugin_training.streams import Purpose, global_stream, stream


@final
class Validation:
    """The weighted mean loss over held-out rows, with the same noise at every evaluation.

    The loss is that of the first objective. Each process takes its share of the batches.
    """

    def __init__(
        self,
        model: Model,
        data: Batch | Iterable[Batch],
        batch_size: int,
        processes: Processes,
        *,
        seed: int,
    ) -> None:
        self._model, self._data, self._seed = model, data, seed
        self._batch_size, self._processes = batch_size, processes

    @property
    def batches(self) -> int:
        """How many batches an evaluation takes; 1 for a stream, whose length is not asked."""
        if not isinstance(self._data, Batch | Rows):
            return 1
        return -(-len(self._data) // self._batch_size)

    @torch.no_grad()
    def figure(self) -> float:
        """Evaluate the model as it is, which is in evaluation mode."""
        total = weights = 0.0
        device = self._processes.device
        for number, batch in self._own_chunks():
            with global_stream(self._seed, Purpose.VALIDATION, number, device=device):
                rng = stream(self._seed, Purpose.VALIDATION, number, device=device)
                rows = self._model.loss(batch, rng=rng).double()
            weight = torch.ones_like(rows) if batch.weight is None else batch.weight.to(rows)
            total += float((rows * weight).sum())
            weights += float(weight.sum())
        total, weights = self._processes.add([total, weights])
        return total / weights if weights > 0 else float("nan")

    def _own_chunks(self) -> Iterator[tuple[int, Batch]]:
        rank, size = self._processes.rank, self._processes.size
        if not isinstance(self._data, Batch | Rows):
            yield from ((i, b) for i, b in enumerate(self._data) if i % size == rank)
            return
        for number, rows in enumerate(torch.arange(len(self._data)).split(self._batch_size)):
            if number % size == rank:
                yield number, self._data.take(rows)
