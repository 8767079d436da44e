"""KernelRows: the rows that a kernel density holds, as they are read and drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_core.interfaces.fitting import FitRequest


@final
@dataclass(frozen=True)
class KernelRows:
    """Rows in network space, each with a weight above 0 and a class."""

    values: Float[Tensor, "n d"]
    weight: Float[Tensor, " n"]
    label: Int64[Tensor, " n"]

    def of(self, y: int | None, j: int) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
        """Give the known values of a feature in one class or all, and their weights.

        Those of all rows, where the class knows none. Raises DataError where no row knows one.
        """
        column = self.values[:, j]
        known = ~column.isnan()
        mine = known if y is None else known & (self.label == y)
        there = mine if bool(mine.any()) else known
        if not bool(there.any()):
            raise DataError("Each feature is known of one row at least", received=f"none of {j}")
        return column[there], self.weight[there]


def read_rows(
    model: Any, request: FitRequest, most: int, label: Callable[[zoo.Batch], Tensor]
) -> KernelRows:
    """Read the rows that have a weight, in network space; raise DataError for more than `most`."""
    batches: Any = [request.data] if isinstance(request.data, zoo.Batch) else request.data
    parts: list[KernelRows] = []
    for batch in batches:
        z: Any = model._to_network(model._move(batch.x), request.rng, None)[0]
        weight = torch.ones(len(batch)) if batch.weight is None else batch.weight
        weight = weight.to(model.device, model.dtype)
        there = weight > 0
        values = z.reshape(len(batch), -1)[there]
        parts.append(KernelRows(values, weight[there], label(batch).to(model.device)[there]))
        _check_room(sum(len(part.weight) for part in parts), most)
    columns = zip(*((p.values, p.weight, p.label) for p in parts), strict=True)
    rows = KernelRows(*map(torch.cat, columns))
    if not len(rows.weight):
        raise DataError("Data have at least one row whose weight is above 0", received="none")
    return rows


def _check_room(count: int, most: int) -> None:
    if count > most:
        raise DataError(
            f"This kernel density holds {most} rows at most",
            received=f"{count} rows with a weight above 0",
            remedy="Make it by for_data(data), or with rows=… in its configuration.",
        )


def drawn_rows(weight: Tensor, n: int, rng: torch.Generator) -> Int64[Tensor, " n"]:
    """Draw n numbers of rows by their weights; of more rows than `multinomial` takes, too."""
    below = weight.double().cumsum(0)
    level = torch.rand(n, generator=rng, device=weight.device, dtype=below.dtype) * below[-1]
    return torch.searchsorted(below, level, right=True).clamp_max(len(weight) - 1)
