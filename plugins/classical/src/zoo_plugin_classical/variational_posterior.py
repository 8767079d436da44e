"""The variational posterior of a mixture of normal distributions: weights, means, precisions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_classical.covariance import Covariance
from zoo_plugin_classical.gaussian_stack import GaussianStack


@final
class WeightPrior(StrEnum):
    """The prior of the weights.

    `dirichlet`: a symmetric Dirichlet distribution. `dirichlet-process`: broken sticks, of which
    the first K are kept (Blei & Jordan 2006): later components are the less likely.
    """

    DIRICHLET = "dirichlet"
    DIRICHLET_PROCESS = "dirichlet-process"


@final
class VariationalPosterior(nn.Module):
    """q(π) Π_k N(μ_k; m_k, (β_k Λ_k)⁻¹) W(Λ_k; W_k, ν_k) (Bishop 2006, eqs. 10.55 and 10.59).

    m_k and C_k = (ν_k W_k)⁻¹ are the means and covariances of `stack`. What is around: the prior
    mean and covariance are buffers, since they are taken from the data. Forms of covariance other
    than full are treated as scikit-learn treats them.
    """

    concentration: Tensor
    mean_precision: Tensor
    freedom: Tensor
    prior_mean: Tensor
    prior_covariance: Tensor

    def __init__(
        self,
        stack: GaussianStack,
        weight_prior: WeightPrior,
        prior_concentration: float,
        prior_precision: float,
        prior_freedom: float,
    ) -> None:
        super().__init__()
        self.stack, self.weight_prior = stack, weight_prior
        self.prior_concentration = prior_concentration
        self.prior_precision, self.prior_freedom = prior_precision, prior_freedom
        k, d = stack.k, stack.size
        rows = torch.full((k,), 10.0)
        self.register_buffer("concentration", self._concentration(rows))
        self.register_buffer("mean_precision", prior_precision + rows)
        self.register_buffer("freedom", prior_freedom + rows)
        self.register_buffer("prior_mean", torch.zeros(d))
        self.register_buffer("prior_covariance", torch.eye(d))

    @property
    def weights(self) -> Float[Tensor, " k"]:
        """E[π_k]; of broken sticks, scaled to add up to 1."""
        if self.weight_prior is WeightPrior.DIRICHLET:
            return self.concentration[0] / self.concentration[0].sum()
        first, rest = self.concentration
        left = (rest / (first + rest)).cumprod(0).roll(1)
        left[0] = 1.0
        weights = first / (first + rest) * left
        return weights / weights.sum()

    def log_shares(self) -> Float[Tensor, " k"]:
        """Give what stands beside log N(x; m_k, C_k) in log ρ_nk (Bishop 2006, eq. 10.46)."""
        d = self.stack.size
        spread = _log_precision(self.freedom.double(), d) - d * self.freedom.double().log()
        return self._log_weights() + 0.5 * (spread - d / self.mean_precision.double())

    def _log_weights(self) -> Float[Tensor, " k"]:
        """Give E[log π_k] (Bishop 2006, eq. 10.66; Blei & Jordan 2006, section 4)."""
        if self.weight_prior is WeightPrior.DIRICHLET:
            alpha = self.concentration[0].double()
            return alpha.digamma() - alpha.sum().digamma()
        first, rest = self.concentration.double()
        both = (first + rest).digamma()
        left = (rest.digamma() - both).cumsum(0).roll(1)
        left[0] = 0.0
        return first.digamma() - both + left

    @torch.no_grad()
    def update(self, rows: Float[Tensor, " k"], stats: Mapping[str, Tensor]) -> None:
        """Set the posterior from expected sums around its means (Bishop 2006, 10.57–10.63)."""
        first, second = stats["first"], stats["second"]
        shape = (len(rows),) + (1,) * (second.ndim - 1)
        step = first / rows.where(rows > 0, 1.0)[:, None]
        crossed = _outer(step, first, second.ndim)
        mean = self.stack.mean.double() + step
        away = mean - self.prior_mean.double()
        precision = self.prior_precision + rows
        pulled = (rows * self.prior_precision / precision).reshape(shape)
        scatter = second - crossed + pulled * _outer(away, away, second.ndim)
        self.concentration.copy_(self._concentration(rows))
        self.mean_precision.copy_(precision)
        weighted = rows[:, None] * mean + self.prior_precision * self.prior_mean.double()
        self.stack.mean.copy_(weighted / precision[:, None])
        self._set_covariances(rows, scatter)

    def _set_covariances(self, rows: Tensor, scatter: Tensor) -> None:
        matrices = scatter if scatter.ndim == 3 else scatter.diag_embed()
        freedom = self.prior_freedom + rows
        if self.stack.covariance is Covariance.TIED:
            freedom = freedom.mean().expand(len(rows))
            matrices = matrices.mean(0, keepdim=True).expand(matrices.shape)
        self.freedom.copy_(freedom)
        prior = self.prior_covariance.double()
        self.stack.set_covariances((prior + matrices) / freedom[:, None, None])

    @torch.no_grad()
    def set_prior(self, mean: Float[Tensor, " d"], covariance: Float[Tensor, "d d"]) -> None:
        """Set the prior's mean, and its covariance in the form of the components'."""
        self.prior_mean.copy_(mean)
        if not self.stack.covariance.factored:
            variance = covariance.diagonal()
            spherical = self.stack.covariance is Covariance.SPHERICAL
            covariance = (variance.mean().expand(len(variance)) if spherical else variance).diag()
        self.prior_covariance.copy_(covariance)

    def lower_bound(self, entropy: Tensor) -> Tensor:
        """Give the lower bound on the log-evidence, but for a constant of the priors and rows.

        Right after `update`, with the entropy −Σ r log r of the shares (Bishop 2006, eqs. 10.70–
        10.77, summed up). Of full covariances it never falls.
        """
        d, freedom = self.stack.size, self.freedom.double()
        log_det = self._log_det() + d * freedom.log()
        steps = torch.arange(d, device=freedom.device)
        gammas = torch.lgamma(0.5 * (freedom[:, None] - steps)).sum(1)
        wishart = -(-0.5 * freedom * log_det + freedom * d * 0.5 * math.log(2) + gammas)
        beta = 0.5 * d * self.mean_precision.double().log().sum()
        return entropy - wishart.sum() - self._log_norm() - beta

    def _log_det(self) -> Float[Tensor, " k"]:
        return torch.linalg.slogdet(self.stack.covariances.double()).logabsdet

    def _log_norm(self) -> Tensor:
        """Give the log-normaliser of the weights' posterior, but for a constant."""
        if self.weight_prior is WeightPrior.DIRICHLET:
            alpha = self.concentration[0].double()
            return torch.lgamma(alpha.sum()) - torch.lgamma(alpha).sum()
        first, rest = self.concentration.double()
        return -(torch.lgamma(first) + torch.lgamma(rest) - torch.lgamma(first + rest)).sum()

    def _concentration(self, rows: Tensor) -> Tensor:
        """Give the Dirichlet's parameters, or those of each stick's Beta distribution."""
        if self.weight_prior is WeightPrior.DIRICHLET:
            return (self.prior_concentration + rows)[None]
        later = rows.sum() - rows.cumsum(0)
        return torch.stack([1 + rows, self.prior_concentration + later])


def _log_precision(freedom: Float[Tensor, " k"], d: int) -> Float[Tensor, " k"]:
    """Give E[log |Λ|] − log |W| (Bishop 2006, eq. 10.65)."""
    steps = torch.arange(d, device=freedom.device)
    return d * math.log(2) + (0.5 * (freedom[:, None] - steps)).digamma().sum(1)


def _outer(a: Tensor, b: Tensor, ndim: int) -> Tensor:
    """Multiply vectors as the products of a covariance are: all pairs, or entry by entry."""
    return a[:, :, None] * b[:, None] if ndim == 3 else a * b
