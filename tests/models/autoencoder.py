"""Hidden variables in closed form: probabilistic principal components."""

from __future__ import annotations

import math
from typing import Any, final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.interfaces.latent import Latent, Posterior
from zoo_core.interfaces.preprocessing import Standardize


@final
class FactorPosterior(Posterior):
    """N(mean, L Lᵀ), one mean a row and one L for all."""

    def __init__(self, mean: Tensor, factor: Tensor) -> None:
        self._mean, self._factor = mean, factor

    @property
    def mean(self) -> Tensor:
        return self._mean

    def log_prob(self, h: Tensor) -> Tensor:
        white = torch.linalg.solve_triangular(self._factor, (h - self._mean).T, upper=False)
        log_det = self._factor.diagonal().log().sum()
        return -0.5 * (white.square() + math.log(2 * math.pi)).sum(0) - log_det

    def rsample(self, rng: torch.Generator) -> Tensor:
        noise = torch.randn(self._mean.shape, generator=rng, dtype=self._mean.dtype)
        return self._mean + noise @ self._factor.T


class PrincipalComponents(zoo.Generator, zoo.DensityModel, Latent):
    """z = W h + b + σ ε of standardised data, h and ε standard normal: everything is exact.

    Tipping & Bishop 1999, eqs. 6–8: the posterior is N(M⁻¹Wᵀ(z − b), σ² M⁻¹), M = WᵀW + σ² I.
    """

    architecture = "test/principal-components"

    class Config(zoo.Config):
        space: zoo.Space
        latent: pydantic.PositiveInt = 2
        conditioner: zoo.Part | None = None

    config: Config

    def _build(self) -> None:
        self.decoder = nn.Linear(self.config.latent, self.space.size)
        self.log_scale = nn.Parameter(torch.tensor(-0.5))
        self.shift = None
        if self.config.conditioner is not None:
            width = self.conditioner.context_shape.as_vector
            self.shift = nn.Linear(width, self.space.size, bias=False)

    def _preprocessing(self) -> tuple[Any, ...]:
        return (Standardize(),)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        return (self.config.latent,)

    def mean_of(self, h: Tensor, call: zoo.Call) -> Tensor:
        mean = self.decoder(h)
        return mean if self.shift is None else mean + self.shift(_context(call))

    def _posterior(self, z: Tensor, call: zoo.Call) -> Posterior:
        weight, variance = self.decoder.weight, (2 * self.log_scale).exp()
        precision = weight.T @ weight + variance * torch.eye(self.config.latent, dtype=self.dtype)
        residual = z.flatten(1) - self.mean_of(z.new_zeros(len(z), self.config.latent), call)
        mean = torch.linalg.solve(precision, (residual @ weight).T).T
        return FactorPosterior(mean, torch.linalg.cholesky(variance * precision.inverse()))

    def _decode(self, h: Tensor, call: zoo.Call) -> Tensor:
        return self.mean_of(h, call).reshape(-1, *self.space.shape)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        h = torch.randn(n, self.config.latent, generator=call.rng, dtype=self.dtype)
        mean = self._decode(h, call)
        noise = torch.randn(mean.shape, generator=call.rng, dtype=self.dtype)
        return mean + self.log_scale.exp() * noise

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        weight = self.decoder.weight
        noise = (2 * self.log_scale).exp() * torch.eye(self.space.size, dtype=self.dtype)
        mean = self.mean_of(z.new_zeros(len(z), self.config.latent), call)
        covariance = weight @ weight.T + noise
        return torch.distributions.MultivariateNormal(mean, covariance).log_prob(z.flatten(1))


def _context(call: zoo.Call) -> Any:
    return call.context.as_vector() if call.context is not None else None
