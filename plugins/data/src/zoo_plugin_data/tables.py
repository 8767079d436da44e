"""Tables: columns by name, read a chunk of rows at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.space import Space
from zoo_plugin_data.labels import Cells, ConditionColumns, Told
from zoo_plugin_data.matrix import MappedRows, as_samples
from zoo_plugin_data.mixed_columns import ABSENT, level_numbers, mixed_space
from zoo_plugin_data.roles import Roles, roles_of
from zoo_plugin_data.spilling import Spilling
from zoo_plugin_data.values import checked


@final
@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows of a table: the cells of each column, and where each row stands."""

    columns: Mapping[str, Cells]
    place: Callable[[int], str]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


class Table(ABC):
    """A file with named columns."""

    file: str
    names: tuple[str, ...]

    @abstractmethod
    def space(self, names: Sequence[str]) -> Space:
        """Give the space of samples that these columns hold, where nothing else was said."""

    @abstractmethod
    def chunks(self, names: Sequence[str]) -> Iterator[Chunk]:
        """Go through the rows once, with the cells of these columns."""


@final
@dataclass(frozen=True, eq=False)
class TableRows:
    """All rows of a table, checked."""

    rows: Batch | Rows
    space: Space
    classes: tuple[str, ...]


def read_table(table: Table, request: DataRequest) -> TableRows:
    """Read a table in one pass, in which everything is checked; a mixed one in two.

    In the first of these is found what its columns hold, where the request doesn't say it.

    What is too large for memory goes to a temporary file, as numbers. Raises DataError for the
    first problem, with its file and place.
    """
    roles = roles_of(table.names, _with_columns(request), table.file)
    space = _space_of(table, request, roles)
    x, weights = Spilling(), Spilling()
    told = ConditionColumns(table.file, roles.condition)
    for chunk in table.chunks(roles.all):
        told.append([chunk.columns[name] for name in roles.condition], chunk.place)
        x.append(_samples(table, chunk, roles.data, space))
        if roles.weight is not None:
            weights.append(_weights(table, chunk, roles.weight))
    weight = torch.from_numpy(np.array(weights.array())) if roles.weight else None
    return _together(x, told.told(), weight, space)


def _together(
    x: Spilling, told: Told | None, weight: torch.Tensor | None, space: Space
) -> TableRows:
    condition, classes = (None, ()) if told is None else (told.values, told.classes)
    values = x.array()
    if x.on_disk:
        return TableRows(MappedRows(values, space, condition, weight), space, classes)
    return TableRows(Batch(as_samples(values, space), condition, weight), space, classes)


def real_columns(names: Sequence[str]) -> Space:
    """Give the space of rows of numbers, one a column."""
    return Space.real(len(names), columns=tuple(names))


def _with_columns(request: DataRequest) -> DataRequest:
    """Take the columns that the space of a mixed table names, where none are chosen."""
    if request.columns or request.space is None or request.space.entries is None:
        return request
    return replace(request, columns=request.space.columns or ())


def _space_of(table: Table, request: DataRequest, roles: Roles) -> Space:
    if request.space is None and request.mixed:
        chunks = (chunk.columns for chunk in table.chunks(roles.data))
        return mixed_space(table.file, chunks, roles.data)
    inferred = table.space(roles.data)
    if request.space is None:
        return inferred
    if request.space.size != inferred.size or request.space.ragged:
        raise DataError(
            f"{table.file} has the {request.space.size} numbers of a sample in a row",
            received=f"{inferred.size} of them",
            remedy="Name the data columns, or give another space.",
        )
    return request.space


def _samples(table: Table, chunk: Chunk, names: tuple[str, ...], space: Space) -> np.ndarray:
    named = zip(names, space.entry_spaces if space.entries else [space] * len(names), strict=True)
    columns = [
        numbers(table.file, chunk, name)
        if entry.names is None
        else level_numbers(chunk.columns[name], entry, name, chunk.place)
        for name, entry in named
    ]
    if columns[0].ndim > 1:
        return checked(columns[0], space, chunk.place)
    return checked(np.stack(columns, axis=1), space, chunk.place, names)


def _weights(table: Table, chunk: Chunk, name: str) -> np.ndarray:
    weight = numbers(table.file, chunk, name)
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if len(bad):
        raise DataError(
            f"Weights in {table.file} are finite and not negative",
            received=f"{weight[bad[0]]:g} in {chunk.place(int(bad[0]))}, column {name!r}",
        )
    return weight


def numbers(file: str, chunk: Chunk, name: str) -> np.ndarray:
    """Give the cells of a column as float64, NaN without a value. Raises DataError for words."""
    cells = chunk.columns[name]
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "biuf":
        return cells.astype(np.float64)
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))  # pyright: ignore
    except (TypeError, ValueError):
        parsed = [_number(file, cell, name, chunk, row) for row, cell in enumerate(cells)]
        return np.array(parsed)


def _number(file: str, cell: object, name: str, chunk: Chunk, row: int) -> float:
    if cell is None or (isinstance(cell, str) and cell.strip() in ABSENT):
        return np.nan
    try:
        return float(cell)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        raise DataError(
            f"The data column {name!r} of {file} holds numbers",
            received=f"{cell!r} in {chunk.place(row)}",
            remedy="Mend it, name the column as a condition, name the data columns without it, or "
            "ask for a mixed table: mixed=True (in `zoo train`: --space mixed).",
        ) from None
