"""Rows of one array, in memory or mapped from a file."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.space import Space


@final
class MappedRows(Rows):
    """Rows of a mapped array, with the conditions and weights in memory."""

    def __init__(
        self,
        x: np.ndarray | Tensor,
        space: Space,
        condition: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> None:
        self._x, self._space = x, space
        self._condition, self._weight = condition, weight

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._x)

    def take(self, rows: Int[Tensor, " k"]) -> Batch:
        """Fetch rows."""
        x = self._x[rows] if isinstance(self._x, Tensor) else self._x[rows.numpy()]
        return Batch(
            as_samples(x, self._space),
            None if self._condition is None else self._condition[rows],
            None if self._weight is None else self._weight[rows],
        )


def as_samples(x: np.ndarray | Tensor, space: Space) -> Tensor:
    """Give checked rows as samples `[n, *space.shape]` of a space, in a tensor of their own."""
    if not isinstance(x, Tensor):
        native = np.asarray(x).astype(x.dtype.newbyteorder("="), copy=False)
        if native.dtype.kind == "u" and native.dtype.itemsize > 1:
            native = native.astype(np.int64)
        x = torch.from_numpy(np.require(native, requirements=["C", "W"]))
    samples = space.tensor(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x)
    return samples.reshape(len(samples), *space.shape)
