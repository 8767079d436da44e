"""The order in which rows are visited: a function of (seed, epoch)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from zoo_plugin_training.streams import Purpose, stream


@final
class BatchOrder:
    """An endless row of shuffled epochs, cut into batches of exactly one size.

    A batch may end one epoch and begin the next, so that every row is visited equally often and
    no step is noisier than the others. The batch of a step is a function of (seed, step).
    """

    def __init__(self, rows: int, batch_size: int, *, seed: int) -> None:
        self.rows = rows
        self.batch_size = min(batch_size, rows)
        self._seed = seed
        self._epochs: dict[int, Tensor] = {}

    def at(self, step: int) -> Tensor:
        """Give the row numbers of one step (from 0): [batch_size], int64."""
        epoch, offset = divmod(step * self.batch_size, self.rows)
        head = self._epoch(epoch)[offset : offset + self.batch_size]
        missing = self.batch_size - len(head)
        return head if missing == 0 else torch.cat((head, self._epoch(epoch + 1)[:missing]))

    def _epoch(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            rng = stream(self._seed, Purpose.ORDER, epoch, device=torch.device("cpu"))
            self._epochs = {key: rows for key, rows in self._epochs.items() if key == epoch - 1}
            self._epochs[epoch] = torch.randperm(self.rows, generator=rng)
        return self._epochs[epoch]
