"""Stack: K distributions of one kind, computed at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Stack(nn.Module, ABC):
    """K distributions over one space: a mixture's components, a chain's emissions, the classes.

    Rows `z [n, *shape]` are in network space; a missing entry (NaN, or the code −1) is summed out
    of its row, and a row without any known entry has the log-probability 0.
    """

    k: int

    @property
    @abstractmethod
    def free_parameters(self) -> int:
        """How many numbers are free to be learnt, for information criteria."""

    @abstractmethod
    def log_prob_each(self, z: Tensor) -> Tensor:
        """Give log p_k(z) in nats, `[n, K]`. Gradients flow through."""

    @abstractmethod
    def sample_each(self, which: Tensor, rng: torch.Generator) -> Tensor:
        """Draw a row of the distribution `which [n]` each, `[n, *shape]`."""

    @abstractmethod
    def statistics_each(self, z: Tensor, weight: Tensor) -> Mapping[str, Tensor]:
        """Give expected sums over rows, row i counted `weight [n, K]` times in distribution k."""

    @abstractmethod
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set the parameters that maximise the expected log-likelihood plus `log_prior`, in place.

        A distribution that no row tells about keeps its parameters.
        """

    @abstractmethod
    def start(self, z: Tensor, weight: Tensor) -> None:
        """Set the parameters afresh from rows that belong to each distribution by `weight [n, K]`.

        Whatever the parameters were has no influence.
        """

    def log_prior(self) -> Tensor:
        """Give what `update` maximises beside the log-likelihood, in nats; 0 by default."""
        return torch.zeros(())


class ConditionalStack(Stack, ABC):
    """K distributions of each of which any entries can be told, and the rest is known in law."""

    @abstractmethod
    def complete_each(self, z: Tensor) -> Tensor:
        """Give E[x | known entries of z] under each distribution, `[n, K, *shape]`."""

    @abstractmethod
    def sample_rest(self, z: Tensor, which: Tensor, rng: torch.Generator) -> Tensor:
        """Draw the missing entries of each row given its known ones, by distribution `which [n]`.

        Known entries stay as they are: `[n, *shape]`.
        """


def missing(z: Tensor) -> Tensor:
    """Mark the missing entries of rows in network space."""
    return z.isnan() if z.is_floating_point() else z < 0


def without(z: Tensor, known: Tensor) -> Tensor:
    """Give rows whose entries that aren't known are missing: −1 among codes, NaN elsewhere."""
    return z.masked_fill(~known, torch.nan if z.is_floating_point() else -1)
