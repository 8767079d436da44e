"""A model's losses as a module of its own, and the weighted mean of their rows."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from zoo_core.errors import DefinitionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.model import Model
from zoo_plugin_training.options import Precision


@final
class Losses(nn.Module):
    """A module whose forward is the model's loss: what a distributed engine can wrap."""

    def __init__(self, model: Model, precision: Precision, *, uses_all: bool = False) -> None:
        super().__init__()
        self.model = model
        self._uses_all = uses_all
        self._bf16 = precision is Precision.BF16

    def forward(self, batch: Batch, objective: str, rng: torch.Generator) -> Tensor:
        """Give the loss of each row, [n]. Raises DefinitionError for any other shape."""
        kind = self.model.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=self._bf16):
            rows = self.model.loss(batch, objective=objective, rng=rng)
        if rows.shape != (len(batch),):
            raise DefinitionError(
                "_loss gives one number a row, [n]",
                received=f"shape {list(rows.shape)} for {len(batch)} rows",
                remedy="Leave the mean over rows to the loop, which knows their weights.",
            )
        rows = rows.float() if self._bf16 else rows
        return rows + self._nothing() if self._uses_all and torch.is_grad_enabled() else rows

    def _nothing(self) -> Tensor:
        """Give 0, as a function of every parameter: each gets a gradient in every process.

        Those of blocks are in parts again by now; a block's forward uses them all.
        """
        inside = {id(p) for block in self.model._blocks() for p in block.parameters()}
        free = [p for p in self.model.parameters() if p.requires_grad and id(p) not in inside]
        return 0.0 * torch.stack([p.sum() for p in free]).sum() if free else torch.zeros(())


def weighted_sum(rows: Tensor, weight: Tensor | None, n: int, mean_weight: float) -> Tensor:
    """Give Σ wᵢ lᵢ / (n w̄) over these of a batch's n rows; w̄ is the mean weight of all data.

    Added up over the batch, its expectation over random batches is the weighted mean over the
    data, Σ wᵢ lᵢ / Σ wᵢ, so that a row of weight 2 counts as two rows do.
    """
    if weight is None:
        return rows.sum() / n
    return (rows * weight.to(rows)).sum() / (n * mean_weight)
