"""Samples as rows of a table, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.cells import codes
from zoo_core.interfaces.space import Space

Cell = float | int | str | None


def columns(space: Space) -> tuple[str, ...]:
    """Give the column names of flattened samples: `space.columns`, or x0, x1, …"""
    return space.columns or tuple(f"x{i}" for i in range(space.size))


def to_rows(space: Space, x: Any) -> list[dict[str, Cell]]:
    """Turn samples `[n, *shape]` into one mapping a sample, column -> cell; None is missing.

    Cells are numbers, or the names of levels that have any. What `pandas.DataFrame` and
    `csv.DictWriter` take. Raises DataError for x outside the space.
    """
    data = space.check(space.tensor(x).detach().cpu())
    missing = space.is_missing(data).flatten(1).T
    named = zip(data.flatten(1).T, missing, space.entry_spaces, strict=True)
    cells = [_cells(column, absent, entry) for column, absent, entry in named]
    names = columns(space)
    return [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]


def _cells(column: Tensor, absent: Tensor, entry: Space) -> list[Cell]:
    if entry.kind.discrete:
        column = column.masked_fill(absent, 0).to(torch.int64)
    found = column.tolist() if entry.names is None else [entry.names[i] for i in column.tolist()]
    for row in absent.nonzero()[:, 0].tolist():
        found[row] = None
    return found


def from_rows(space: Space, rows: Iterable[Mapping[str, Any] | Sequence[Any]]) -> Tensor:
    """Turn rows into samples `[n, *shape]`: mappings by column name, or sequences in order.

    Numbers may be text; levels that have names are called by them; None, "" and NaN are missing
    values. Raises DataError for missing or superfluous columns, for text that is no number and
    no level, and for values outside the space.
    """
    read = [
        _Column(name, entry) for name, entry in zip(columns(space), space.entry_spaces, strict=True)
    ]
    table = [_numbers(read, row, number) for number, row in enumerate(rows, start=1)]
    if not table:
        raise DataError("At least one row is needed", received="none")
    dtype = torch.float64 if space.kind.discrete else torch.get_default_dtype()
    x = torch.tensor(table, dtype=dtype).reshape(len(table), *space.shape)
    if space.kind.discrete:
        x = x.nan_to_num(-1.0)
    return space.check(space.tensor(x))


def _numbers(
    read: Sequence[_Column], row: Mapping[str, Any] | Sequence[Any], number: int
) -> list[float]:
    if isinstance(row, Mapping):
        names = [column.name for column in read]
        cells = [row.get(name, _ABSENT) for name in names]
        absent = [name for name, cell in zip(names, cells, strict=True) if cell is _ABSENT]
        if absent or len(row) != len(names):
            extra = sorted(set(row) - set(names))
            raise DataError(
                f"Row {number} has the columns {_shortened(names)}",
                received=f"missing: {_shortened(absent)}; not known: {_shortened(extra)}",
                remedy="Rename or drop columns.",
            )
    else:
        cells = list(row)
        if len(cells) != len(read):
            raise DataError(
                f"Row {number} has {len(read)} numbers", received=f"{len(cells)} of them"
            )
    return [column.number(cell, number) for column, cell in zip(read, cells, strict=True)]


_ABSENT = object()


@final
@dataclass(frozen=True)
class _Column:
    """One column of the rows that are read."""

    name: str
    space: Space

    def number(self, cell: Any, row: int) -> float:
        """Give a cell's number, or that of the level that it names; NaN of an empty one."""
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            return math.nan
        if self.space.names is not None:
            return self._level(cell, row)
        try:
            return float(cell)
        except (TypeError, ValueError):
            raise DataError(
                "Cells are numbers; an empty one is a missing value",
                received=f"{cell!r} in row {row}, column {self.name}",
            ) from None

    def _level(self, cell: Any, row: int) -> float:
        if isinstance(cell, float) and math.isnan(cell):
            return math.nan
        try:
            return float(codes([str(cell).strip()], self.space.names or (), self.name)[0])
        except DataError as error:
            raise DataError(error.rule, received=f"{cell!r} in row {row}") from None


def _shortened(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most]) or "none"
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"
