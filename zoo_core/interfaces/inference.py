"""Inference of a configuration's fields from data."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.cells import texts
from zoo_core.interfaces.part import Part
from zoo_core.interfaces.space import Space


def conditioner_for(condition: Any) -> Part:
    """Choose the core's Conditioner for labels (whole numbers, or names) or vectors (floats).

    Names are numbered in alphabetical order. A label that nobody knows is −1, NaN, or None among
    names. Raises DataError for conditions of another shape.
    """
    cells = texts(condition)
    if cells is not None and any(isinstance(cell, str) for cell in cells):
        return _named(cells)
    values: Tensor = Space.real().tensor(_numbers(condition, cells))
    if values.ndim == 2:
        return Part("core/vector", {"width": values.shape[1]})
    known = values[~values.isnan()]
    whole = values.ndim == 1 and bool(((known == known.round()) & (known >= -1)).all())
    if whole and bool((known >= 0).any()):
        unknown = len(known) < len(values) or bool((known < 0).any())
        return Part("core/label", {"classes": int(known.max()) + 1, **_missing(unknown)})
    raise DataError(
        "Conditions are labels 0, 1, … [n], names [n], or vectors [n, d]",
        received=f"shape {list(values.shape)}",
        remedy="Give `conditioner=` explicitly.",
    )


def _numbers(condition: Any, cells: list[Any] | None) -> Any:
    """Put −1 for None."""
    return condition if cells is None else [-1 if cell is None else cell for cell in cells]


def _named(cells: list[Any]) -> Part:
    known = {cell for cell in cells if cell is not None}
    if not all(isinstance(name, str) for name in known):
        raise DataError(
            "Labels are all names, or all numbers",
            received=", ".join(sorted(map(repr, known))[:5]),
            remedy="Name them all: [str(label) for label in labels].",
        )
    names = tuple(sorted(known))
    return Part("core/label", {"classes": len(names), "names": names, **_missing(None in cells)})


def _missing(unknown: bool) -> dict[str, bool]:
    return {"missing": True} if unknown else {}
