"""Columns of different kinds: what each holds, and its cells as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np

from zoo_core.errors import DataError
from zoo_core.interfaces.space import Space
from zoo_plugin_data.labels import Cells

_LEVELS = 1000
"""How many different texts a column of categories has at most."""
ABSENT = frozenset({"", "NA", "N/A", "NaN", "nan", "NULL", "null"})
"""What cells say that hold no value, as R, pandas and databases write it."""


@final
@dataclass
class Column:
    """What the cells of a column have been, chunk by chunk."""

    texts: set[str] = field(default_factory=set)
    numeric: bool = True
    truths: bool = False
    missing: bool = False

    def look(self, cells: Cells) -> None:
        """Take the cells of some rows into account."""
        if isinstance(cells, np.ndarray) and cells.dtype.kind != "O":
            self.truths |= cells.dtype.kind == "b"
            self.missing |= cells.dtype.kind == "f" and bool(np.isnan(cells).any())
            return
        self.truths |= any(isinstance(cell, bool) for cell in cells)
        if len(self.texts) > _LEVELS and self.numeric:
            self._look_at_numbers(cells)
            return
        found = {_text(cell) for cell in cells}
        self.missing |= None in found
        self.texts |= {text for text in found if text is not None}
        self.numeric &= all(map(_is_number, self.texts))

    def _look_at_numbers(self, cells: Cells) -> None:
        """Look at more numbers than a column of categories has; text among them can't be one."""
        for cell in cells:
            text = _text(cell)
            self.missing |= text is None
            self.numeric &= text is None or _is_number(text)

    def space(self, name: str, file: str) -> Space:
        """Give the column's space. Raises DataError for too many different texts."""
        if self.truths and self.texts <= {"True", "False"}:
            return Space.binary()
        if self.numeric:
            return Space.real()
        names = tuple(sorted(self.texts))
        if len(names) > _LEVELS:
            raise DataError(
                f"A column of text has at most {_LEVELS} different ones, its categories",
                received=f"more in the column {name!r} of {file}",
                remedy="Name the data columns without it.",
            )
        return Space.categorical(len(names), names=names)


def mixed_space(file: str, chunks: Iterable[Mapping[str, Cells]], names: tuple[str, ...]) -> Space:
    """Find in a pass what columns hold: numbers are real, text is categories, sorted by name.

    Truth values are binary. Empty cells, NA, NaN and null are missing values.
    """
    found = {name: Column() for name in names}
    for chunk in chunks:
        for name, column in found.items():
            column.look(chunk[name])
    missing = any(column.missing for column in found.values())
    spaces = {name: column.space(name, file) for name, column in found.items()}
    if all(space == Space.real() for space in spaces.values()):
        return Space.real(len(names), columns=names, missing=missing)
    return Space.mixed(spaces, missing=missing)


def level_numbers(
    cells: Cells, space: Space, column: str, place: Callable[[int], str]
) -> np.ndarray:
    """Give the number of each cell's level by its name, `[n]`; NaN where it is empty.

    Raises DataError for a cell that is the name of no level.
    """
    names = space.names or ()
    numbers: dict[str | None, float] = {name: float(code) for code, name in enumerate(names)}
    numbers[None] = np.nan
    texts = [_text(cell) for cell in cells]
    for row, text in enumerate(texts):
        if text not in numbers:
            raise DataError(
                f"The levels of the column {column!r} are {', '.join(names[:8])}"
                + (", …" if len(names) > 8 else ""),
                received=f"{text!r} in {place(row)}",
                remedy="Mend or drop such rows, or give a space that has this level.",
            )
    return np.array([numbers[text] for text in texts])


def _text(cell: object) -> str | None:
    """Give a cell's text; None of one that holds no value."""
    if cell is None or cell != cell:
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = str(cell).strip()
    return None if text in ABSENT else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
