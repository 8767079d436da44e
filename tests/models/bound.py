"""A lower bound: a linear VAE scored by importance-weighted samples."""

from __future__ import annotations

import math
from typing import final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo


@final
class LinearVAE(zoo.Generator, zoo.DensityModel):
    """x = Wh + b + noise, with an encoder that is right only up to its scale (IWAE, eq. 8)."""

    architecture = "test/linear-vae"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        latent: pydantic.PositiveInt = 2

    @final
    class LogProbOptions(zoo.Config):
        samples: pydantic.PositiveInt = 1

    config: Config

    def _build(self) -> None:
        self.decoder = nn.Linear(self.config.latent, self.space.size)
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.encoder = nn.Linear(self.space.size, self.config.latent)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        h = torch.randn(n, self.config.latent, generator=call.rng, dtype=self.dtype)
        mean = self.decoder(h)
        noise = torch.randn(mean.shape, generator=call.rng, dtype=self.dtype)
        return (mean + self.log_scale.exp() * noise).reshape(n, *self.space.shape)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        x, k = z.flatten(1), call.options.samples
        q = torch.distributions.Normal(self.encoder(x), 1.0)
        noise = torch.randn(k, len(x), self.config.latent, generator=call.rng, dtype=self.dtype)
        h = q.loc + noise
        p_h = torch.distributions.Normal(0.0, 1.0).log_prob(h).sum(-1)
        p_x = torch.distributions.Normal(self.decoder(h), self.log_scale.exp())
        weights = p_x.log_prob(x).sum(-1) + p_h - q.log_prob(h).sum(-1)
        return weights.logsumexp(0) - math.log(k)

    def _density(self, options: LogProbOptions) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.LOWER_BOUND, f"IWAE-{options.samples}"

    def exact_log_prob(self, x: Tensor) -> Tensor:
        """The truth that the bound is held against: N(b, W Wᵀ + σ² I)."""
        weight = self.decoder.weight
        noise = (2 * self.log_scale).exp() * torch.eye(self.space.size, dtype=self.dtype)
        return torch.distributions.MultivariateNormal(
            self.decoder.bias, weight @ weight.T + noise
        ).log_prob(x.flatten(1))
