"""Batch: rows of data with their conditions and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.ragged import Ragged


@final
@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of data `x`, with a condition a row (raw, or Codes) and a weight a row `[n]`."""

    x: Tensor | Ragged
    condition: Any = None
    weight: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Tensor) -> Batch:
        """Give the chosen rows. The condition must be Codes or a tensor."""
        condition = self.condition
        if isinstance(condition, Codes):
            condition = condition.take(rows)
        elif condition is not None:
            condition = condition[rows]
        x = self.x[rows]
        return Batch(x, condition, None if self.weight is None else self.weight[rows])

    def to(self, device: torch.device | str) -> Batch:
        """Move everything to a device."""
        condition = self.condition
        if isinstance(condition, Codes | Tensor):
            condition = condition.to(device)
        weight = None if self.weight is None else self.weight.to(device)
        return Batch(self.x.to(device), condition, weight)
