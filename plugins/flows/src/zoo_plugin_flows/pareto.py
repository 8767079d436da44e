"""Fitting the generalised Pareto distribution, whose shape says how heavy a tail is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class GeneralizedPareto(NamedTuple):
    """F(x) = 1 − (1 + k x/σ)^(−1/k), x ≥ 0: `shape` k, `scale` σ."""

    shape: float
    scale: float

    def quantile(self, share: Float[Tensor, " m"]) -> Float[Tensor, " m"]:
        """Give F⁻¹: σ ((1 − q)^(−k) − 1)/k."""
        if abs(self.shape) < 1e-12:
            return -self.scale * torch.log1p(-share)
        return self.scale * torch.expm1(-self.shape * torch.log1p(-share)) / self.shape


def fit_generalized_pareto(excesses: Float[Tensor, " m"]) -> GeneralizedPareto:
    """Estimate the distribution of positive numbers by Zhang and Stephens' quasi-posterior mean.

    A new and efficient estimation method for the generalized Pareto distribution, Technometrics
    51(3), 2009, section 3: with θ = −k/σ on a grid, the profile likelihood weighs the θ, and k is
    the mean of log(1 − θ x) at the weighted mean of θ. (Their k is minus this one.)
    """
    x = excesses.double().sort().values
    count = len(x)
    points = 30 + int(count**0.5)
    quartile = x[max(int(count / 4 + 0.5) - 1, 0)]
    j = torch.arange(1, points + 1, dtype=torch.float64, device=x.device)
    theta = 1 / x[-1] + (1 - (points / (j - 0.5)).sqrt()) / (3 * quartile)
    shape = torch.log1p(-theta[:, None] * x).mean(1)
    log_likelihood = count * ((-theta / shape).log() - shape - 1)
    best = (log_likelihood.softmax(0) * theta).sum()
    k = torch.log1p(-best * x).mean()
    return GeneralizedPareto(float(k), float(-k / best))
