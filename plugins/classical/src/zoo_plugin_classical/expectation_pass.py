"""A pass over rows by which K distributions are scored, and learnt from, part by part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import final

from jaxtyping import Float
from torch import Tensor

from zoo_plugin_classical.stack import Stack


class ExpectationPass(ABC):
    """Scores and sums under the parameters of its beginning: one E step over all parts of rows."""

    @abstractmethod
    def take(self, z: Tensor) -> None:
        """Take up a part of the rows, to be scored or counted."""

    @abstractmethod
    def score(self) -> Float[Tensor, "n k"]:
        """Give log p_k(z) of the rows taken."""

    @abstractmethod
    def score_into(self, scores: Float[Tensor, "n k"]) -> None:
        """Write log p_k(z) of the rows taken, in the type of `scores`."""

    @abstractmethod
    def count(self, share: Float[Tensor, "n k"]) -> None:
        """Add the rows taken, each `share` times in each distribution."""

    @abstractmethod
    def sums(self) -> Mapping[str, Tensor]:
        """Give the statistics of all rows counted."""


@final
class StackPass(ExpectationPass):
    """A pass by the two methods of any stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._sums: dict[str, Tensor] = {}

    def take(self, z: Tensor) -> None:
        """Keep the rows."""
        self._rows = z

    def score(self) -> Float[Tensor, "n k"]:
        """Ask the stack."""
        return self.stack.log_prob_each(self._rows)

    def score_into(self, scores: Float[Tensor, "n k"]) -> None:
        """Copy what the stack says."""
        scores.copy_(self.score())

    def count(self, share: Float[Tensor, "n k"]) -> None:
        """Add what the stack makes of the rows."""
        own = self.stack.statistics_each(self._rows, share)
        self._sums = {name: self._sums.get(name, 0) + tensor for name, tensor in own.items()}

    def sums(self) -> Mapping[str, Tensor]:
        """Give the sums."""
        return self._sums
