"""Increasing maps of each feature by itself, whose parameters a coupling's network gives."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor


class Elementwise(ABC):
    """An increasing map of the line on itself, with a few parameters for each feature.

    The parameters of an element stand along the first axis. All at zero give the identity, so that
    an untrained flow starts there.
    """

    @property
    @abstractmethod
    def width(self) -> int:
        """How many parameters one feature takes."""

    @abstractmethod
    def forward(
        self, x: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Map x, and give the logarithm of the slope there."""

    @abstractmethod
    def inverse(
        self, y: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Undo `forward`, and give the logarithm of the inverse's slope at y."""
