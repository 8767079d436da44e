"""Codes: conditions as tensors, made without weights; what a data loader holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from zoo_core.errors import ConditionError


@final
@dataclass(frozen=True, eq=False)
class Codes:
    """Named tensors with one row a condition, as a Conditioner's `prepare` makes them."""

    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        rows = {len(tensor) for tensor in self.tensors.values()}
        if len(rows) != 1:
            raise ConditionError("Codes have the same number of rows each", received=sorted(rows))

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    @property
    def repeats(self) -> bool:
        """Whether all rows are one that `expand` has repeated, which need not be encoded twice."""
        return len(self) > 1 and all(tensor.stride(0) == 0 for tensor in self.tensors.values())

    def take(self, rows: Tensor | slice) -> Codes:
        """Give the chosen rows."""
        return Codes({name: tensor[rows] for name, tensor in self.tensors.items()})

    def expand(self, n: int) -> Codes:
        """Repeat one row n times; n rows stay as they are. Raises ConditionError otherwise."""
        if len(self) == n:
            return self
        require_one_row(len(self), n)
        return Codes({k: t.expand(n, *t.shape[1:]) for k, t in self.tensors.items()})

    def to(self, device: torch.device | str) -> Codes:
        """Move to a device."""
        return Codes({name: tensor.to(device) for name, tensor in self.tensors.items()})

    @staticmethod
    def cat(parts: Sequence[Codes]) -> Codes:
        """Put rows one after another."""
        return Codes({k: torch.cat([p[k] for p in parts]) for k in parts[0].tensors})


def require_one_row(rows: int, n: int) -> None:
    """Raise ConditionError unless there is one condition, which n samples can share."""
    if rows != 1:
        raise ConditionError(
            "Give one condition for all samples, or one for each",
            received=f"{rows} conditions for {n} samples",
        )
