"""Coded spaces: what samples of codes and counts are, by rule and from data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.space import Kind, Space


def check_codes(space: Space, what: str, *kinds: Kind) -> None:
    """Raise ValueError for a space of another kind, of sequences, or without entries."""
    if space.kind not in kinds:
        named = " or ".join(kinds)
        raise ValueError(f"{what} are models of {named} data, and these are {space.kind}")
    if space.ragged or not space.size:
        raise ValueError(f"{what} are models of whole arrays of one shape")


def binary_fields(data: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Infer the binary space of zeros and ones; −1 and NaN are missing. Raises DataError."""
    return _inferred(data, fields, Kind.BINARY, "zeros and ones")


def coded_fields(data: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Infer the categorical space of codes 0, 1, …; −1 and NaN are missing. Raises DataError."""
    return _inferred(data, fields, Kind.CATEGORICAL, "codes 0, 1, …")


def count_fields(data: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Infer the space of counts 0, 1, …; −1 and NaN are missing. Raises DataError."""
    return _inferred(data, fields, Kind.COUNT, "counts 0, 1, …")


def _inferred(data: Any, fields: dict[str, Any], kind: Kind, what: str) -> dict[str, Any]:
    if "space" in fields:
        return fields
    codes = Space.count(missing=True).tensor(data)
    largest = 1 if kind is Kind.BINARY else torch.iinfo(torch.int64).max
    if codes.ndim == 0 or not codes.numel() or not _within(codes, largest):
        raise DataError(
            f"Data are {what}, with −1 or NaN where one is missing",
            received=f"shape {list(codes.shape)}"
            + (f", from {codes.min()} to {codes.max()}" if codes.numel() else ""),
            remedy="Give `space=` explicitly.",
        )
    levels = int(codes.max()) + 1 if kind is Kind.CATEGORICAL else None
    space = Space(
        kind=kind,
        shape=tuple(codes.shape[1:]),
        levels=None if levels is None else max(levels, 1),
        missing=bool((codes == -1).any()),
    )
    return {**fields, "space": space}


def _within(codes: Tensor, largest: int) -> bool:
    return bool((codes >= -1).all() and (codes <= largest).all())
