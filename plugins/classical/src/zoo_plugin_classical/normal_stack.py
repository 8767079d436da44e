"""NormalStack: K distributions of independent normal entries, smoothed as naive Bayes wants."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo_core.interfaces.space import Space
from zoo_plugin_classical.entrywise_stack import EntrywiseStack
from zoo_plugin_classical.moments import Moments
from zoo_plugin_classical.normal_densities import log_densities
from zoo_plugin_classical.weighted_moments import (
    for_everyone,
    weighted_means,
    weighted_variances,
)

_LEAST = 1e-30
"""The least variance there is, so that its inverse is a number in float32."""


@final
class Smoothing(StrEnum):
    """What the variance that is added to all variances is a share of.

    `largest`: the largest variance of a feature, as in scikit-learn; features of another scale
    than the largest are smoothed too much or too little. `per-feature`: the feature's own
    variance; one that never varies gets its share of the largest.
    """

    LARGEST = "largest"
    PER_FEATURE = "per-feature"


@final
class NormalStack(EntrywiseStack):
    """Π_j N(x_j; mean_kj, σ_kj²) with σ = exp(log_scale), one σ_j for all k where `shared`.

    To each variance ε_j is added, `share` of the largest variance of a feature or of its own. That
    is the maximum of the expected likelihood of rows with noise of variance ε.
    """

    def __init__(
        self, k: int, space: Space, share: float, smoothing: Smoothing, *, shared: bool
    ) -> None:
        super().__init__()
        self.k, self.shape, self.shared = k, space.shape, shared
        self.share, self.smoothing = share, smoothing
        self.mean = nn.Parameter(torch.randn(k, space.size))
        self.log_scale = nn.Parameter(0.2 * torch.randn(1 if shared else k, space.size))

    @property
    def free_parameters(self) -> int:
        """How many means and variances there are."""
        return self.mean.numel() + self.log_scale.numel()

    @property
    def variance(self) -> Float[Tensor, "k d"]:
        """The variances, smoothed."""
        return (2 * self.log_scale).exp().expand(self.mean.shape)

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give the log-density of the known entries of each row, in nats."""
        return log_densities(z.flatten(1), self.mean, self.log_scale.expand(self.mean.shape))

    def mean_each(self) -> Float[Tensor, "k d"]:
        """Give the means."""
        return self.mean

    def sample_each(
        self, which: Int64[Tensor, " n"], rng: torch.Generator
    ) -> Float[Tensor, "n ..."]:
        """Draw a row of each distribution that is asked for."""
        scale = self.log_scale.exp().expand(self.mean.shape)[which]
        noise = torch.randn(scale.shape, generator=rng, device=scale.device, dtype=scale.dtype)
        return (self.mean[which] + scale * noise).reshape(-1, *self.shape)

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give the weight, sum and sum of squares of known entries around the present means."""
        z = z.flatten(1).double()
        known = (~z.isnan()).double()
        first, second = [], []
        for share, centre in zip(weight.double().T, self.mean.double(), strict=True):
            away = (z - centre).nan_to_num()
            first.append(share @ away)
            second.append(share @ away.square())
        total = weight.double().T @ known
        return {"known": total, "first": torch.stack(first), "second": torch.stack(second)}

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set means and variances; what no row tells about stays."""
        self.set_moments(self.moments(stats))

    def moments(self, stats: Mapping[str, Tensor]) -> Moments:
        """Give the moments of rows from their statistics under the present means."""
        known, first = stats["known"].double(), stats["first"].double()
        step = first / known.where(known > 0, 1.0)
        scatter = (stats["second"].double() - first * step).clamp_min(0.0)
        return Moments(known.amax(1), known, self.mean.detach().double() + step, scatter)

    @torch.no_grad()
    def set_moments(self, moments: Moments) -> None:
        """Set means and smoothed variances; where a class knows nothing, those of all classes.

        What nobody knows stays as it was.
        """
        everyone, own = moments.pooled(), moments.known > 0
        mean = torch.where(own, moments.mean, everyone.mean)
        variance = torch.where(own, moments.variance(), everyone.variance())
        if self.shared:
            known = everyone.known.where(everyone.known > 0, 1.0)
            variance = moments.scatter.sum(0, keepdim=True) / known
        self._set(mean, variance + self.added(everyone), everyone.known > 0)

    def added(self, everyone: Moments) -> Float[Tensor, " d"]:
        """Give what is added to the variances, from the moments of all rows."""
        variance = everyone.variance()[0]
        largest = self.share * variance.amax()
        if self.smoothing is Smoothing.LARGEST:
            return largest.expand(variance.shape)
        return torch.where(variance > 0, self.share * variance, largest)

    def _set(self, mean: Tensor, variance: Tensor, told: Tensor) -> None:
        """Set what is told about; a variance is at least what rounding alone makes."""
        rounding = torch.finfo(self.mean.dtype).eps * mean.abs().amax(0)
        variance = torch.maximum(variance, rounding.square() + _LEAST)
        self.mean.copy_(torch.where(told, mean, self.mean.double()))
        self.log_scale.copy_(torch.where(told, variance.log() / 2, self.log_scale.double()))

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set means and variances to the weighted rows'; without rows, to those of all rows."""
        z, weight = z.flatten(1), for_everyone(weight)
        mean = weighted_means(z, weight)
        known = weight.T @ (~z.isnan()).double()
        scatter = known * weighted_variances(z, mean, weight)
        self.set_moments(Moments(weight.sum(0), known, mean, scatter))
