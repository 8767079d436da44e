"""Samples as rows of a table, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.space import Space


def columns(space: Space) -> tuple[str, ...]:
    """Give the column names of flattened samples: `space.columns`, or x0, x1, …"""
    return space.columns or tuple(f"x{i}" for i in range(space.size))


def to_rows(space: Space, x: Any) -> list[dict[str, float | int | None]]:
    """Turn samples `[n, *shape]` into one mapping a sample, column -> number; None is missing.

    What `pandas.DataFrame` and `csv.DictWriter` take. Raises DataError for x outside the space.
    """
    data = space.check(space.tensor(x).detach().cpu()).flatten(1)
    names = columns(space)
    missing = space.is_missing(data)
    rows = [dict(zip(names, row, strict=True)) for row in data.tolist()]
    for i, j in missing.nonzero().tolist():
        rows[i][names[j]] = None
    return rows


def from_rows(space: Space, rows: Iterable[Mapping[str, Any] | Sequence[Any]]) -> Tensor:
    """Turn rows into samples `[n, *shape]`: mappings by column name, or sequences in order.

    Numbers may be text; None, "" and NaN are missing values. Raises DataError for missing or
    superfluous columns, for text that is no number, and for values outside the space.
    """
    names = columns(space)
    discrete = space.kind.discrete
    table = [_numbers(names, row, number, discrete) for number, row in enumerate(rows, start=1)]
    if not table:
        raise DataError("At least one row is needed", received="none")
    dtype = torch.float64 if discrete else torch.get_default_dtype()
    x = torch.tensor(table, dtype=dtype).reshape(len(table), *space.shape)
    return space.check(space.tensor(x))


def _numbers(
    names: tuple[str, ...], row: Mapping[str, Any] | Sequence[Any], number: int, discrete: bool
) -> list[float]:
    if isinstance(row, Mapping):
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
        if len(cells) != len(names):
            raise DataError(
                f"Row {number} has {len(names)} numbers", received=f"{len(cells)} of them"
            )
    return [_number(c, number, n, discrete) for c, n in zip(cells, names, strict=True)]


_ABSENT = object()


def _number(cell: Any, row: int, column: str, discrete: bool) -> float:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return -1.0 if discrete else math.nan
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise DataError(
            "Cells are numbers; an empty one is a missing value",
            received=f"{cell!r} in row {row}, column {column}",
        ) from None
    return -1.0 if discrete and math.isnan(value) else value


def _shortened(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most]) or "none"
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"
