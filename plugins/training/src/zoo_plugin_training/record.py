"""What a run has reached: its history, its best evaluation, and the weights of that."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import nn

from zoo_plugin_training.weights import Snapshot


@final
class Record:
    """Keeps the history, and a copy of the weights to go back to.

    With a held-out figure the copy is that of the best one, without it that of the last
    evaluation at which all weights were finite.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._copy = Snapshot(module)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, float] | None = None
        self.without_progress = 0

    def add(self, entry: dict[str, float]) -> bool:
        """Take in an evaluation of the module as it is now; say whether its weights are sound."""
        if not self._sound(entry):
            return False
        self.history.append(entry)
        if self._better(entry):
            self.best, self.without_progress = entry, 0
            self._copy.take()
        else:
            self.without_progress += 1
        return True

    def restore(self) -> None:
        """Give the module the kept weights."""
        self._copy.restore()

    def _better(self, entry: dict[str, float]) -> bool:
        if self.best is None or "valid" not in entry:
            return True
        return entry["valid"] < self.best["valid"]

    def _sound(self, entry: dict[str, float]) -> bool:
        if "valid" in entry:
            return math.isfinite(entry["valid"])
        return all(bool(torch.isfinite(tensor).all()) for tensor in self._module.parameters())
