"""The held-out figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

import torch

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.model import Model
from zoo_plugin_training.streams import Purpose, global_stream, stream


@final
class Validation:
    """The weighted mean loss over held-out rows, with the same noise at every evaluation."""

    def __init__(
        self, model: Model, data: Batch | Iterable[Batch], batch_size: int, *, seed: int
    ) -> None:
        self._model, self._data, self._seed = model, data, seed
        self._batch_size = batch_size

    @property
    def batches(self) -> int:
        """How many batches an evaluation takes; 1 for a stream, whose length is not asked."""
        return -(-len(self._data) // self._batch_size) if isinstance(self._data, Batch) else 1

    @torch.no_grad()
    def figure(self) -> float:
        """Evaluate the model as it is, in evaluation mode, leaving it in training mode."""
        self._model.eval()
        total = weights = 0.0
        device = self._model.device
        with global_stream(self._seed, Purpose.VALIDATION, device=device):
            for number, batch in enumerate(self._chunks()):
                rng = stream(self._seed, Purpose.VALIDATION, number, device=device)
                rows = self._model.loss(batch, rng=rng).double()
                weight = torch.ones_like(rows) if batch.weight is None else batch.weight.to(rows)
                total += float((rows * weight).sum())
                weights += float(weight.sum())
        self._model.train()
        return total / weights if weights > 0 else float("nan")

    def _chunks(self) -> Iterator[Batch]:
        if not isinstance(self._data, Batch):
            yield from self._data
            return
        for rows in torch.arange(len(self._data)).split(self._batch_size):
            yield self._data.take(rows)
