"""Inference of a configuration's fields from data."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.part import Part
from zoo_core.interfaces.space import Space


def conditioner_for(condition: Any) -> Part:
    """Choose the core's Conditioner for labels (whole numbers) or vectors (floats).

    A label −1 is one that nobody knows. Raises DataError for conditions of another shape.
    """
    values: Tensor = Space.real().tensor(condition)
    if values.ndim == 2:
        return Part("core/vector", {"width": values.shape[1]})
    whole = values.ndim == 1 and bool(((values == values.round()) & (values >= -1)).all())
    if whole and bool((values >= 0).any()):
        missing = {"missing": True} if bool((values < 0).any()) else {}
        return Part("core/label", {"classes": int(values.max()) + 1, **missing})
    raise DataError(
        "Conditions are labels 0, 1, … [n], or vectors [n, d]",
        received=f"shape {list(values.shape)}",
        remedy="Give `conditioner=` explicitly.",
    )
