"""Increasing maps of each feature by itself, whose parameters a coupling's network gives."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor


class Elementwise(ABC):
    """An increasing map of the line on itself, with a few parameters for each feature.

    The parameters stand on the last axis but one and the features on the last. All parameters at
    zero give the identity, so that an untrained flow starts there.
    """

    @property
    @abstractmethod
    def width(self) -> int:
        """How many parameters one feature takes."""

    @abstractmethod
    def forward(
        self, x: Float[Tensor, "*batch features"], raw: Float[Tensor, "*batch width features"]
    ) -> tuple[Float[Tensor, "*batch features"], Float[Tensor, "*batch features"]]:
        """Map x, and give the logarithm of the slope there."""

    @abstractmethod
    def inverse(
        self, y: Float[Tensor, "*batch features"], raw: Float[Tensor, "*batch width features"]
    ) -> tuple[Float[Tensor, "*batch features"], Float[Tensor, "*batch features"]]:
        """Undo `forward`, and give the logarithm of the inverse's slope at y."""
