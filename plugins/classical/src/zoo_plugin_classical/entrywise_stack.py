"""EntrywiseStack: K distributions whose entries are independent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_plugin_classical.stack import ConditionalStack, missing


class EntrywiseStack(ConditionalStack, ABC):
    """p_k(x) = Π_j p_kj(x_j): what is known of some entries tells nothing about the others."""

    @abstractmethod
    def mean_each(self) -> Tensor:
        """Give E[x] under each distribution, `[K, d]`; of categories the most probable one."""

    def mean_of(self, share: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        """Give E[x] under mixtures with these shares; of categories the most probable one."""
        return share @ self.mean_each()

    @final
    def complete_each(self, z: Tensor) -> Float[Tensor, "n k ..."]:
        """Put the means into missing entries."""
        mean = self.mean_each().reshape(self.k, *z.shape[1:])
        return torch.where(missing(z)[:, None], mean, z[:, None].to(mean.dtype))

    @final
    def sample_rest(self, z: Tensor, which: Tensor, rng: torch.Generator) -> Tensor:
        """Put draws into missing entries."""
        drawn = self.sample_each(which, rng).reshape(z.shape)
        return torch.where(missing(z), drawn.to(z.dtype), z)


class CountedStack(EntrywiseStack, ABC):
    """Distributions of codes or counts, whose statistics are sums that no parameter enters."""

    @property
    @abstractmethod
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The names and shapes of the statistics."""

    def sums_of(
        self, z: Tensor, y: Int64[Tensor, " n"], weight: Float[Tensor, " n"] | None
    ) -> Mapping[str, Tensor]:
        """Give the statistics of rows each of which belongs to one distribution."""
        share = one_hot(y, self.k).to(torch.float64)
        return self.statistics_each(z, share if weight is None else share * weight[:, None])

    @abstractmethod
    def log_likelihood(self, stats: Mapping[str, Tensor]) -> Tensor:
        """Give the log-likelihood of the rows that statistics are of, in nats."""
