"""Cells: the columns of a data frame, as numbers."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from zoo_core.errors import DataError

_LEVELS = 1000
"""How many different texts a column of categories has at most."""


@final
@dataclass(frozen=True)
class Description:
    """What a column holds: the kind of its numbers, the names of its levels, and gaps."""

    kind: str
    names: tuple[str, ...] | None
    missing: bool


def columns_of(values: Any) -> Mapping[str, Any] | None:
    """Give the columns of a pandas DataFrame by name; None of anything else.

    Raises DataError where two columns have the same name.
    """
    pandas = sys.modules.get("pandas")  # whoever has a data frame has imported it
    if pandas is None or not isinstance(values, pandas.DataFrame):
        return None
    names = [str(name) for name in values.columns]
    if len(set(names)) < len(names):
        raise DataError("Each column of a data frame has a name of its own", received=names)
    return {name: values.iloc[:, place] for place, name in enumerate(names)}


def texts(values: Any) -> list[Any] | None:
    """Give the cells of a text, a list or a column that holds texts, None where nothing is.

    None of values that hold none, such as numbers.
    """
    if isinstance(values, str):
        return [values]
    if isinstance(values, list | tuple):
        held = any(cell is None or isinstance(cell, str) for cell in values)
        return [None if _absent(cell) else cell for cell in values] if held else None
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, pandas.Series | pandas.Index | pandas.Categorical):
        cells = pandas.Series(values).astype(object)
        return texts(cells.where(cells.notna(), None).tolist())
    if isinstance(values, np.ndarray) and values.dtype.kind in "OUT":
        return texts(values.reshape(-1).tolist())
    return None


def _absent(cell: object) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def described(column: Any, name: str) -> Description:
    """Say what a column of a data frame holds. Raises DataError for whole numbers, and dates."""
    missing = bool(column.isna().any())
    if str(column.dtype) == "category":
        ordered = bool(column.cat.ordered)
        return _levelled(map(_text, column.cat.categories), name, missing, ordered=ordered)
    kinds = {"f": "real", "b": "binary"}
    if column.dtype.kind in kinds:
        return Description(kinds[column.dtype.kind], None, missing)
    if column.dtype.kind not in "OTU":
        raise DataError(
            "What a column of whole numbers or dates means can't be inferred",
            received=f"column {name!r} of type {column.dtype}",
            remedy=f'Convert it: frame.astype({{{name!r}: "category"}}), or float; or give '
            "space=Space.mixed({…}) with Space.count(), Space.ordinal(levels), ….",
        )
    found = sorted({_text(cell) for cell in column.dropna().unique()})
    return _levelled(found, name, missing, ordered=False)


def _levelled(found: Iterable[str], column: str, missing: bool, *, ordered: bool) -> Description:
    names = tuple(found)
    if not 0 < len(names) <= _LEVELS:
        raise DataError(
            f"A column of text or categories has 1 to {_LEVELS} levels",
            received=f"{len(names)} in column {column!r}",
            remedy="Drop the column, or give space=Space.mixed({…}).",
        )
    return Description("ordinal" if ordered else "categorical", names, missing)


def numbers(column: Any, names: Sequence[str] | None, name: str) -> np.ndarray:
    """Give a column of a data frame as float64 `[n]`, NaN where nothing is.

    Levels that have names are looked up by them. Raises DataError for a text that is none.
    """
    absent = column.isna().to_numpy(dtype=bool)
    if names is not None:
        return codes(np.where(absent, None, column.to_numpy(dtype=object)), names, name)
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"Column {name!r} holds numbers",
            received=str(error),
            remedy="Use a model of a mixed table, whose levels have names.",
        ) from None


def codes(cells: Iterable[Any], names: Sequence[str], column: str) -> np.ndarray:
    """Give the number of each cell's level as float64 `[n]`; NaN for None.

    Raises DataError for a cell that is the name of no level.
    """
    numbers: dict[Any, float] = {None: np.nan}
    numbers |= {name: float(code) for code, name in enumerate(names)}
    try:
        return np.array([numbers[c] if c in numbers else numbers[_text(c)] for c in cells])
    except KeyError as error:
        known = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        raise DataError(
            f"The levels of column {column!r} are {known}",
            received=str(error.args[0]),
            remedy="Mend or drop such rows, or build the model with that level.",
        ) from None


def _text(cell: object) -> str:
    """Write a level as its name: 3.0, as whole numbers beside gaps are held, is 3."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
