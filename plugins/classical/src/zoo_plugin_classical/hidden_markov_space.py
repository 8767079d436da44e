"""The space of sequences, from data."""

from __future__ import annotations

from typing import Any

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_core.interfaces.space import Kind, Space


def ragged_space(data: Any, fields: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """Infer the space of sequences of one kind; −1 or NaN is missing. Raises DataError."""
    if "space" in fields:
        return fields
    data = zoo.Ragged.of(data) if isinstance(data, list) else data
    if not isinstance(data, zoo.Ragged) or not len(data.values):
        raise DataError(
            "A model of sequences is made for a Ragged with steps",
            received=type(data).__name__,
            remedy="Give a list of sequences, or Ragged(values, lengths), or `space=` explicitly.",
        )
    values = data.values
    missing = bool(Space(kind=Kind.REAL).is_missing(values).any())
    levels = None
    if kind is not Kind.REAL:
        codes = Space.count(missing=True).tensor(values)
        missing = bool((codes == -1).any())
        levels = max(1, int(codes.max()) + 1) if kind is Kind.CATEGORICAL else None
    shape = tuple(values.shape[1:])
    space = Space(kind=kind, shape=shape, levels=levels, missing=missing, ragged=True)
    return {**fields, "space": space}
