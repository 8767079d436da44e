"""What a run has reached: its history, its best evaluation, and the weights of that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor

from zoo_plugin_training.weights import Snapshot


@final
class Record:
    """Keeps the history, and a copy of all tensors to go back to.

    With a held-out figure the copy is that of the best one, without it that of the last
    evaluation at which all weights were finite.
    """

    def __init__(self, tensors: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
        self._parameters = dict(parameters)
        self.copy = Snapshot(tensors)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, float] | None = None
        self.without_progress = 0

    def is_sound(self, entry: Mapping[str, float]) -> bool:
        """Say whether the held-out figure, or without one every weight, is finite."""
        if "valid" in entry:
            return math.isfinite(entry["valid"])
        return all(bool(torch.isfinite(tensor).all()) for tensor in self._parameters.values())

    def add(self, entry: dict[str, float]) -> None:
        """Take in a sound evaluation of the tensors as they are now."""
        self.history.append(entry)
        if self._better(entry):
            self.best, self.without_progress = entry, 0
            self.copy.take()
        else:
            self.without_progress += 1

    def restore(self) -> None:
        """Give the model the kept weights."""
        self.copy.restore()

    def state(self) -> dict[str, Any]:
        """Give all but the weights, as JSON has it."""
        best = None if self.best is None else self.history.index(self.best)
        return {
            "history": self.history,
            "best": best,
            "without_progress": self.without_progress,
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Take a state over."""
        self.history = [dict(entry) for entry in state["history"]]
        self.best = None if state["best"] is None else self.history[state["best"]]
        self.without_progress = state["without_progress"]

    def _better(self, entry: dict[str, float]) -> bool:
        if self.best is None or "valid" not in entry:
            return True
        return entry["valid"] < self.best["valid"]
