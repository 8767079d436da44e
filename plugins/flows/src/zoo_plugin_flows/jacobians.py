"""Jacobians of networks, as what they do to directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor


@final
@dataclass(frozen=True, eq=False)
class Jacobians:
    """The Jacobian J of a network at each row, as products of J with directions."""

    matrices: tuple[Float[Tensor, "_ _"], ...]
    slopes: tuple[Float[Tensor, "n _"], ...]

    def transposed(self) -> Float[Tensor, "n d d"]:
        """Give the whole of Jᵀ at each row."""
        first = self.matrices[0].mT[None]
        return self._rest(first, len(self.slopes[0]))

    def times(self, directions: Float[Tensor, "k m d"]) -> Float[Tensor, "k m d"]:
        """Give J v for m directions v at each of the first k rows."""
        return self._rest(directions @ self.matrices[0].mT, len(directions))

    def _rest(self, directions: Tensor, n: int) -> Tensor:
        """Go through what follows the first matrix, at the first n rows."""
        for matrix, slope in zip(self.matrices[1:], self.slopes, strict=True):
            directions = directions * slope[:n, None] @ matrix.mT
        return directions

    def transposed_times(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Give Jᵀ v for one direction v at each row."""
        rows = rows @ self.matrices[-1]
        for matrix, slope in zip(self.matrices[-2::-1], self.slopes[::-1], strict=True):
            rows = (rows * slope) @ matrix
        return rows

    def at(self, rows: Tensor) -> Jacobians:
        """Give those at the chosen rows."""
        return Jacobians(self.matrices, tuple(slope[rows] for slope in self.slopes))

    def detach(self) -> Jacobians:
        """Give them without their graph."""
        matrices = tuple(matrix.detach() for matrix in self.matrices)
        return Jacobians(matrices, tuple(slope.detach() for slope in self.slopes))
