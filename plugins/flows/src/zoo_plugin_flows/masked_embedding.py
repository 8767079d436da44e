"""How features enter a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor


class Embedding(ABC):
    """A map of each feature to one or several entries, without parameters."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many entries a feature takes."""

    @abstractmethod
    def __call__(self, x: Float[Tensor, "d n"]) -> Float[Tensor, "entries n"]:
        """Give the entries, those of a feature side by side."""


@final
class Plain(Embedding):
    """The features as they are."""

    @property
    def width(self) -> int:
        """One."""
        return 1

    def __call__(self, x: Float[Tensor, "d n"]) -> Float[Tensor, "entries n"]:
        """Give x."""
        return x


@final
class Periodic(Embedding):
    """Cosine and sine of each angle, equal on both sides of the seam at ±π."""

    @property
    def width(self) -> int:
        """Two."""
        return 2

    def __call__(self, x: Float[Tensor, "d n"]) -> Float[Tensor, "entries n"]:
        """Give cos x and sin x."""
        return torch.stack((x.cos(), x.sin()), 1).flatten(0, 1)
