"""GaussianStack: K normal distributions at once, whatever the form of their covariances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo_core.interfaces.preprocessing import Preprocessing
from zoo_plugin_classical.covariance import Covariance
from zoo_plugin_classical.covariance_structure import CovariancePrior, CovarianceStructure
from zoo_plugin_classical.entrywise_variance import EntrywiseVariance
from zoo_plugin_classical.factored_covariance import FactoredCovariance
from zoo_plugin_classical.stack import ConditionalStack
from zoo_plugin_classical.weighted_moments import for_everyone, weighted_means

_NO_PRIOR = CovariancePrior()


@torch.no_grad()
def data_scale(preprocessing: Preprocessing, like: Tensor) -> Float[Tensor, " d"]:
    """Give by how much data change with each entry of network space, which is `like` a sample."""
    _, log_slope = preprocessing.inverse_with_log_slope(torch.zeros_like(like)[None])
    return log_slope.exp().reshape(-1)


@final
class GaussianStack(ConditionalStack):
    """N(mean_k, C_k), k = 1 … K, of rows of `size` entries; rows of another shape are flattened.

    `floor` is the least variance along any direction: what `update` sets is the maximum of the
    expected log-likelihood among covariances whose eigenvalues are at least that, so that EM's
    promise holds. Missing entries (NaN) are integrated out, and learnt from by their expectation
    given the known ones (Ghahramani & Jordan 1994, section 3). With a `prior`, `update` gives the
    most probable covariances.
    """

    def __init__(
        self,
        k: int,
        size: int,
        covariance: Covariance,
        floor: float,
        prior: CovariancePrior = _NO_PRIOR,
    ) -> None:
        super().__init__()
        self.k, self.size, self.covariance, self.floor = k, size, covariance, floor
        self.mean = nn.Parameter(torch.randn(k, size))
        self.spread: CovarianceStructure
        if covariance.factored:
            tied = covariance is Covariance.TIED
            self.spread = FactoredCovariance(k, size, floor, prior, tied=tied)
        else:
            spherical = covariance is Covariance.SPHERICAL
            self.spread = EntrywiseVariance(k, size, floor, prior, spherical=spherical)

    @property
    def free_parameters(self) -> int:
        """How many numbers are free in means and covariances."""
        return self.k * self.size + self.covariance.free_parameters(self.k, self.size)

    @property
    def covariances(self) -> Float[Tensor, "k d d"]:
        """The covariance matrices, whatever their form."""
        return self.spread.matrices().expand(self.k, self.size, self.size)

    @torch.no_grad()
    def set_covariances(self, covariances: Float[Tensor, "k d d"]) -> None:
        """Set the covariances, in the form that they have here; the floor is kept."""
        self.spread.set_matrices(covariances.to(self.mean.device, torch.float64))

    def log_prior(self) -> Float[Tensor, ""]:
        """Give the log-density of the prior at the covariances, in nats, up to a constant."""
        return self.spread.log_prior().to(self.mean.dtype)

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give log N(z; mean_k, C_k) in nats, of the known entries of each row."""
        return self.spread.log_prob_each(self._flat(z), self.mean)

    def sample_each(self, which: Int64[Tensor, " n"], rng: torch.Generator) -> Float[Tensor, "n d"]:
        """Draw a row of each distribution that is asked for."""
        return self.mean[which] + self.spread.noise(which, rng)

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give the expected sums of rows and of their products, around the present means."""
        return self.spread.statistics(self._flat(z), self.mean, weight)

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set means and covariances; a distribution without rows keeps its own."""
        self.spread.update(stats, self.mean)

    def carried(self, stats: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Give statistics by which the stack was just updated, moved to around its new means."""
        first = stats["first"]
        count = stats["rows"][:, None] if "rows" in stats else stats["known"]
        step = first / count.where(count > 0, 1.0)
        lost = step[:, :, None] * first[:, None] if "rows" in stats else step * first
        return {**stats, "first": torch.zeros_like(first), "second": stats["second"] - lost}

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set means and covariances to the weighted rows'; without rows, to those of all rows."""
        z, weight = self._flat(z), for_everyone(weight)
        self.mean.copy_(weighted_means(z, weight))
        self.spread.start(z, self.mean, weight)

    def complete_each(self, z: Tensor) -> Float[Tensor, "n k d"]:
        """Give E[x | known entries of z] under each distribution."""
        return self.spread.complete(self._flat(z), self.mean)

    def sample_rest(
        self, z: Tensor, which: Int64[Tensor, " n"], rng: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """Draw the missing entries of each row given its known ones, under the distribution asked.

        A draw x* of all entries is moved by what the known ones were missed by:
        x = x* + C_·o C_oo⁻¹ (z_o − x*_o) (Matheron's rule: Doucet 2010, section 2).
        """
        z = self._flat(z)
        drawn = self.sample_each(which, rng)
        missed = torch.where(z.isnan(), z, z - drawn)
        chosen = which[:, None, None].expand(-1, 1, self.size)
        moved = self.spread.complete(missed, torch.zeros_like(self.mean)).gather(1, chosen)
        return torch.where(z.isnan(), drawn + moved[:, 0], z)

    def _flat(self, z: Tensor) -> Float[Tensor, "n d"]:
        return z.reshape(len(z), self.size)
