"""Covariance structure: how K normal distributions lie about their means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


@final
@dataclass(frozen=True)
class CovariancePrior:
    """A prior of covariances: as if each had been seen in `rows` more rows of variance v I.

    log p(C) = −rows/2 · (log |C| + v tr C⁻¹) up to a constant: an inverse Wishart distribution
    (Bishop 2006, section 2.3.6), by which a covariance of few rows stays regular.
    """

    rows: float = 0.0
    variance: float = 1.0


class CovarianceStructure(nn.Module, ABC):
    """The covariances of K normal distributions of d entries, whose means `[K, d]` are given.

    Rows `[n, d]` may lack entries (NaN). Statistics are taken around the present means, so that
    no digits are lost where those are large; they are float64, whatever the parameters are.
    """

    prior: CovariancePrior

    @abstractmethod
    def log_prior(self) -> Tensor:
        """Give the log-density of the prior at the covariances, in nats, up to a constant."""

    @abstractmethod
    def log_prob_each(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"]
    ) -> Float[Tensor, "n k"]:
        """Give log N(z; mean_k, C_k) of the known entries, in nats."""

    @abstractmethod
    def complete(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"]
    ) -> Float[Tensor, "n k d"]:
        """Give each row with its missing entries replaced by their means given the known ones."""

    @abstractmethod
    def noise(self, which: Int64[Tensor, " n"], rng: torch.Generator) -> Float[Tensor, "n d"]:
        """Draw from N(0, C_k), k = which."""

    @abstractmethod
    def statistics(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"], weight: Float[Tensor, "n k"]
    ) -> Mapping[str, Tensor]:
        """Give expected sums over rows, around the means."""

    @abstractmethod
    def update(self, stats: Mapping[str, Tensor], mean: Float[Tensor, "k d"]) -> None:
        """Set means and covariances, in place, to the maximum of the expected log-likelihood."""

    @abstractmethod
    def start(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"], weight: Float[Tensor, "n k"]
    ) -> None:
        """Set covariances, in place, to those of weighted rows around the means."""

    @abstractmethod
    def matrices(self) -> Float[Tensor, "k d d"]:
        """Give the covariance matrices; one if they are all the same."""

    @abstractmethod
    def set_matrices(self, covariances: Float[Tensor, "k d d"]) -> None:
        """Set the covariances to the nearest of this form, in place."""
