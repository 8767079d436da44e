"""Values on their way into a space: what is wrong with them, and where."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from zoo_core.errors import DataError
from zoo_core.interfaces.space import Kind, Space

_BOUNDS = {Kind.UNIT: (0.0, 1.0), Kind.ANGLE: (-math.pi, math.pi)}


def stored_dtype(space: Space) -> np.dtype[Any]:
    """Give the smallest type that holds the values of a space."""
    if not space.kind.discrete:
        return np.dtype(str(torch.get_default_dtype()).removeprefix("torch."))
    if space.n_levels is None:
        return np.dtype(np.int64)
    small = not space.missing and space.n_levels <= 256
    return np.dtype(np.uint8 if small else np.int32)


def checked(
    values: np.ndarray, space: Space, place: Callable[[int], str], columns: tuple[str, ...] = ()
) -> np.ndarray:
    """Check rows `[n, …]` of numbers against a space and give them as they are stored.

    NaN becomes −1 where codes may be missing. `place` says where a row stands, `columns` what
    the entries of a row are called. Raises DataError for the first value that is wrong.
    """
    if space.entries is not None:
        return _checked_table(values, space, space.entries, place, columns)
    if space.kind.discrete:
        codes = np.where(np.isnan(values), -1, values) if values.dtype.kind == "f" else values
        low, high = (-1 if space.missing else 0), _highest(space)
        wrong = (codes < low) | (codes > high) | (codes != np.rint(codes))
        rule = _whole(space)
    else:
        codes = _narrowed(values, stored_dtype(space))
        if space.kind is Kind.REAL and _is_finite(codes):
            return codes  # a sum is finite only if all its terms are
        low, high = _BOUNDS.get(space.kind, (-math.inf, math.inf))
        wrong = ~(np.isfinite(codes) & (codes >= low) & (codes <= high))
        wrong &= ~(np.isnan(codes) & space.missing)
        rule = "Values are finite numbers"
        rule += f" from {low:.6g} to {high:.6g}" if space.kind in _BOUNDS else ""
    if wrong.any():
        _refuse(rule, values, wrong, place, columns)
    return codes.astype(stored_dtype(space), copy=False)


def _checked_table(
    values: np.ndarray,
    space: Space,
    entries: tuple[Space, ...],
    place: Callable[[int], str],
    columns: tuple[str, ...],
) -> np.ndarray:
    """Check each column of a mixed table by its own space; NaN is a missing value in all."""
    stored = _narrowed(values, stored_dtype(space))
    for number, entry in enumerate(entries):
        cells = stored[:, number]
        low, high = _BOUNDS.get(entry.kind, (-math.inf, math.inf))
        rule = "Values are finite numbers"
        if entry.kind.discrete:
            low, high = 0, _highest(entry)
            rule = _whole(entry)
        wrong = ~(np.isfinite(cells) & (cells >= low) & (cells <= high))
        if entry.kind.discrete:
            wrong |= cells != np.rint(cells)
        wrong &= ~(np.isnan(cells) & space.missing)
        if wrong.any():
            name = columns[number : number + 1]
            _refuse(rule, values[:, [number]], wrong[:, None], place, name)
    return stored


def _highest(space: Space) -> float:
    """Give the largest code; counts have none, but for what an int64 holds."""
    return 2.0**62 if space.n_levels is None else space.n_levels - 1


def _whole(space: Space) -> str:
    counts = space.n_levels is None
    return "Values are whole numbers from 0 " + ("on" if counts else f"to {_highest(space):g}")


def _narrowed(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(dtype, copy=False)


def _is_finite(values: np.ndarray) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def _refuse(
    rule: str,
    values: np.ndarray,
    wrong: np.ndarray,
    place: Callable[[int], str],
    columns: tuple[str, ...],
) -> None:
    row, *inside = (int(i) for i in np.argwhere(wrong)[0])
    value = values[(row, *inside)]
    flat = int(np.ravel_multi_index(inside, values.shape[1:])) if inside else 0
    position = f"column {columns[flat]!r}" if columns else f"position {inside}"
    absent = bool(np.isnan(value)) if values.dtype.kind == "f" else False
    raise DataError(
        rule,
        received=f"{'a missing value (empty, or NaN)' if absent else f'{value:.9g}'} "
        f"in {place(row)}, {position}",
        remedy="Mend or drop such rows, or give a space with missing=True."
        if absent
        else "Mend or drop such rows.",
    )
