"""Covariance: which matrices the covariances of K normal distributions may be."""

from __future__ import annotations

from enum import StrEnum
from typing import final


@final
class Covariance(StrEnum):
    """What is free in the covariances of K normal distributions of d entries.

    `full`: each its own matrix. `tied`: one matrix for all. `diagonal`: each a variance an entry,
    so that entries are independent. `spherical`: each one variance, the same of all entries.
    """

    FULL = "full"
    TIED = "tied"
    DIAGONAL = "diagonal"
    SPHERICAL = "spherical"

    @property
    def factored(self) -> bool:
        """Whether entries may be correlated, so that a matrix is learnt."""
        return self in (Covariance.FULL, Covariance.TIED)

    def free_parameters(self, k: int, size: int) -> int:
        """Count the free numbers in the covariances of k distributions of `size` entries."""
        matrix = size * (size + 1) // 2
        return {"full": k * matrix, "tied": matrix, "diagonal": k * size, "spherical": k}[self]
