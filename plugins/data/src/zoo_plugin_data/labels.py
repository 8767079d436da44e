"""Condition columns: classes with names, or vectors of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from zoo_core.errors import DataError

MOST_CLASSES = 100_000
Cells = Sequence[object] | np.ndarray


@final
@dataclass(frozen=True, eq=False)
class Told:
    """Conditions of all rows: codes `[n]` with the names of the classes, or vectors `[n, k]`."""

    values: Tensor
    classes: tuple[str, ...] = ()


def codes_of(values: Sequence[object] | np.ndarray) -> Told:
    """Number the classes of whole numbers, truth values or strings, sorted."""
    found, codes = np.unique(np.asarray(values), return_inverse=True)
    if len(found) > MOST_CLASSES:
        raise DataError(
            f"A condition has at most {MOST_CLASSES} classes",
            received=f"{len(found)} different values",
            remedy="Choose another column.",
        )
    names = tuple(str(value) for value in found.tolist())
    return Told(torch.from_numpy(codes.reshape(-1).astype(np.int64)), names)


@final
class ConditionColumns:
    """Gathers the cells of condition columns, chunk by chunk.

    One column of strings or whole numbers becomes classes; floating numbers, or several columns,
    become a vector of each row.
    """

    def __init__(self, file: str, names: tuple[str, ...]) -> None:
        self._file, self._names = file, names
        self._codes: dict[object, int] = {}
        self._text: list[np.ndarray] = []
        self._numbers: list[np.ndarray] = []

    def append(self, columns: Sequence[Cells], place: Callable[[int], str]) -> None:
        """Add the cells of some rows. Raises DataError for an empty one, or for mixed types."""
        if not self._names:
            return
        texts = len(self._names) == 1 and (
            bool(self._text) or (not self._numbers and _is_text(columns[0][0]))
        )
        if texts:
            self._text.append(self._coded(columns[0], place))
        else:
            read = [
                self._numeric(cells, name, place)
                for name, cells in zip(self._names, columns, strict=True)
            ]
            self._numbers.append(np.stack(read, axis=1))

    def told(self) -> Told | None:
        """Give the conditions of all rows."""
        if not self._names:
            return None
        if self._text:
            names = np.array(list(self._codes), dtype=object)
            order = np.argsort(names.astype(str))
            rank = np.empty(len(order), dtype=np.int64)
            rank[order] = np.arange(len(order))
            codes = rank[np.concatenate(self._text)]
            return Told(torch.from_numpy(codes), tuple(names[order].tolist()))
        values = np.concatenate(self._numbers)
        if len(self._names) == 1 and bool((values == np.rint(values)).all()):
            return codes_of(values[:, 0].astype(np.int64))
        return Told(torch.from_numpy(values).to(torch.get_default_dtype()))

    def _coded(self, cells: Cells, place: Callable[[int], str]) -> np.ndarray:
        for row, cell in enumerate(cells):
            if not _is_text(cell):
                self._refuse(self._names[0], "text", cell, place(row))
        codes = self._codes
        found = [codes.setdefault(str(cell).strip(), len(codes)) for cell in cells]
        if len(codes) > MOST_CLASSES:
            raise DataError(
                f"Column {self._names[0]!r} of {self._file} has at most {MOST_CLASSES} classes",
                received="more different values",
                remedy="Choose another column.",
            )
        return np.array(found, dtype=np.int64)

    def _numeric(self, cells: Cells, name: str, place: Callable[[int], str]) -> np.ndarray:
        values = np.fromiter(map(_number, cells), np.float64, len(cells))
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            row = int(bad[0])
            self._refuse(name, "finite numbers", cells[row], place(row))
        return values

    def _refuse(self, name: str, rule: str, cell: object, where: str) -> None:
        said = "an empty cell" if cell is None or not str(cell).strip() else repr(cell)
        raise DataError(
            f"The condition {name!r} of {self._file} holds {rule} throughout, as it begins",
            received=f"{said} in {where}",
            remedy="Mend or drop such rows.",
        )


def _number(cell: object) -> float:
    try:
        return float(cell)  # pyright: ignore[reportArgumentType]  what isn't a number is NaN
    except (TypeError, ValueError):
        return float("nan")


def _is_text(cell: object) -> bool:
    """Tell a word from a number, NaN included, and from an empty cell."""
    if not isinstance(cell, str) or not cell.strip():
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False
