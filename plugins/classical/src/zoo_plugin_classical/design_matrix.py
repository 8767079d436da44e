"""The design matrix: rows of any flat space as the numbers that a linear model weighs."""

from __future__ import annotations

from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_core.interfaces.space import Kind, Space


def check_linear(space: Space) -> None:
    """Raise ValueError for data that have no design matrix."""
    if space.ragged or space.missing or not space.size:
        raise ValueError("a linear model needs whole arrays of one shape, with no missing values")
    if any(entry.kind is Kind.ANGLE for entry in space.entries or (space,)):
        raise ValueError("an angle has no linear effect: give its sine and cosine as real numbers")


@final
class DesignMatrix:
    """What stands for each entry of a row: a category's code as one-hot, any other number itself.

    Ordered codes and counts count as numbers. `width` is how many numbers a row becomes.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        entries = space.entries or (space,) * space.size
        self.levels = [entry.levels if _is_unordered(entry) else None for entry in entries]
        self.width = sum(levels or 1 for levels in self.levels)

    def __call__(self, z: Any, dtype: torch.dtype) -> Float[Tensor, "n width"]:
        """Give the rows `z [n, *shape]` in network space as `[n, width]`."""
        flat = z.reshape(len(z), -1)
        if all(levels is None for levels in self.levels):
            return flat.to(dtype)
        columns = zip(flat.unbind(1), self.levels, strict=True)
        return torch.cat([_columns(column, levels, dtype) for column, levels in columns], 1)


def _is_unordered(entry: Space) -> bool:
    return entry.kind is Kind.CATEGORICAL


def _columns(column: Tensor, levels: int | None, dtype: torch.dtype) -> Tensor:
    if levels is None:
        return column[:, None].to(dtype)
    return one_hot(column.long(), levels).to(dtype)
