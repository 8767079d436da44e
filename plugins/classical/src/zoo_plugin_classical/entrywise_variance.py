"""Variances entry by entry: normal distributions whose entries are independent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo_plugin_classical.covariance_structure import CovariancePrior, CovarianceStructure
from zoo_plugin_classical.weighted_moments import weighted_variances

_CHUNK = 2**16
"""Numbers that are worked on at once: what fits into a processor's cache."""


@final
class EntrywiseVariance(CovarianceStructure):
    """C_k = diag(σ_k1², …, σ_kd²), or σ_k² I where `spherical`; σ = exp(log_scale).

    A missing entry tells nothing about the others here, so that sums are over known entries
    alone: their maximum is that of the likelihood itself.
    """

    def __init__(
        self, k: int, size: int, floor: float, prior: CovariancePrior, *, spherical: bool
    ) -> None:
        super().__init__()
        self.size, self.floor, self.prior, self.spherical = size, floor, prior, spherical
        self.log_scale = nn.Parameter(0.2 * torch.randn(k, 1 if spherical else size))

    def log_prob_each(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"]
    ) -> Float[Tensor, "n k"]:
        """Give Σ_j log N(z_j; mean_kj, σ_kj²) over the known entries."""
        rows = max(1, _CHUNK // mean.numel())
        return torch.cat([self._log_prob(part, mean) for part in z.split(rows)])

    def _log_prob(self, z: Tensor, mean: Tensor) -> Tensor:
        known = ~z.isnan()
        noise = (z.nan_to_num()[:, None] - mean) * (-self.log_scale).exp()
        terms = torch.where(known[:, None], 0.5 * noise.square() + self.log_scale, 0.0)
        return -terms.sum(2) - 0.5 * math.log(2 * math.pi) * known.sum(1, keepdim=True).to(z)

    def complete(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"]
    ) -> Float[Tensor, "n k d"]:
        """Put the means into missing entries."""
        return torch.where(z.isnan()[:, None], mean, z[:, None])

    def noise(self, which: Int64[Tensor, " n"], rng: torch.Generator) -> Float[Tensor, "n d"]:
        """Draw independent entries."""
        scale = self.log_scale.exp()[which]
        shape = (len(which), self.size)
        noise = torch.randn(shape, generator=rng, device=scale.device, dtype=scale.dtype)
        return scale * noise

    def statistics(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"], weight: Float[Tensor, "n k"]
    ) -> Mapping[str, Tensor]:
        """Give the weight, the sum and the sum of squares of known entries around the means."""
        rows = max(1, _CHUNK // mean.numel())
        sums = torch.zeros(3, *mean.shape, dtype=torch.float64, device=z.device)
        for part, share in zip(z.split(rows), weight.split(rows), strict=True):
            away = part.double()[:, None] - mean.double()
            known = ~away.isnan()
            away = torch.where(known, away, 0.0)
            powers = torch.stack([known.double(), away, away.square()])
            sums += torch.einsum("nk,pnkd->pkd", share.double(), powers)
        return {"known": sums[0], "first": sums[1], "second": sums[2]}

    def update(self, stats: Mapping[str, Tensor], mean: Float[Tensor, "k d"]) -> None:
        """Set means and variances from the sums; variances are at least the floor."""
        known, first, second = stats["known"], stats["first"], stats["second"]
        step = first / known.where(known > 0, 1.0)
        mean += step
        prior = self.prior
        self._set(second - first * step + prior.rows * prior.variance, known + prior.rows)

    def start(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"], weight: Float[Tensor, "n k"]
    ) -> None:
        """Set variances around the means; of an entry that a distribution lacks, of all rows."""
        variance = weighted_variances(z, mean, weight)
        self._set(variance, torch.ones_like(variance))

    def matrices(self) -> Float[Tensor, "k d d"]:
        """Give diagonal matrices."""
        return (2 * self.log_scale).exp().expand(-1, self.size).diag_embed()

    def set_matrices(self, covariances: Float[Tensor, "k d d"]) -> None:
        """Take the diagonals, or their means."""
        variance = covariances.diagonal(dim1=1, dim2=2)
        self._set(variance, torch.ones_like(variance))

    def log_prior(self) -> Float[Tensor, ""]:
        """Give −rows/2 · Σ (log σ² + v/σ²) over distributions and entries."""
        log_scale = self.log_scale.double().expand(-1, self.size)
        misfit = 2 * log_scale + self.prior.variance * (-2 * log_scale).exp()
        return -0.5 * self.prior.rows * misfit.sum()

    def _set(self, scatter: Tensor, known: Tensor) -> None:
        """Set variances to scatter/known, floored; where nothing is known they stay."""
        if self.spherical:
            scatter, known = scatter.sum(1, keepdim=True), known.sum(1, keepdim=True)
        variance = (scatter / known.where(known > 0, 1.0)).clamp_min(self.floor)
        log_scale = torch.where(known > 0, variance.log() / 2, self.log_scale.double())
        self.log_scale.copy_(log_scale)
