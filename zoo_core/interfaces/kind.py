"""Kind: what the numbers of a sample mean."""

from __future__ import annotations

from enum import StrEnum
from typing import final


@final
class Kind(StrEnum):
    """What the numbers of a sample mean."""

    REAL = "real"
    UNIT = "unit"
    ANGLE = "angle"
    BINARY = "binary"
    ORDINAL = "ordinal"
    CATEGORICAL = "categorical"
    COUNT = "count"
    MIXED = "mixed"

    @property
    def discrete(self) -> bool:
        """Whether samples are codes, so that a model of them has a mass and no density."""
        return self in (Kind.BINARY, Kind.ORDINAL, Kind.CATEGORICAL, Kind.COUNT)
