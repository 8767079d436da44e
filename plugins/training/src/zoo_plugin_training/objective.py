"""One objective of a model as a module of its own, and the weighted mean of its rows."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from zoo_core.errors import DefinitionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.model import Model


@final
class Objective(nn.Module):
    """A module whose forward is the model's loss: what a distributed engine can wrap."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Give the loss of each row, [n]. Raises DefinitionError for any other shape."""
        rows = self.model.loss(batch, rng=rng)
        if rows.shape != (len(batch),):
            raise DefinitionError(
                "_loss gives one number a row, [n]",
                received=f"shape {list(rows.shape)} for {len(batch)} rows",
                remedy="Leave the mean over rows to the loop, which knows their weights.",
            )
        return rows


def weighted_mean(rows: Tensor, weight: Tensor | None, mean_weight: float) -> Tensor:
    """Give Σ wᵢ lᵢ / (n w̄), with w̄ the mean weight of the whole data.

    Its expectation over random batches is the weighted mean over the data, Σ wᵢ lᵢ / Σ wᵢ, so
    that a row of weight 2 counts as two rows do.
    """
    if weight is None:
        return rows.mean()
    return (rows * weight.to(rows)).sum() / (len(rows) * mean_weight)
