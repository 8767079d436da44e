"""An exact mass of counts: independent Poissons, any of which may be missing."""

from __future__ import annotations

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo


class Counts(zoo.Generator, zoo.DensityModel):
    """p(x) = Π_j λ_j^{x_j} e^{−λ_j} / x_j!, over the entries that are there."""

    architecture = "test/counts"

    class Config(zoo.Config):
        size: pydantic.PositiveInt = 2

    config: Config

    def _space(self) -> zoo.Space:
        return zoo.Space.count(self.config.size, missing=True)

    def _build(self) -> None:
        size = self.config.size
        self.log_rate = nn.Parameter(torch.linspace(0.2, 1.8, size) + 0.3 * torch.randn(size))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return torch.poisson(self.log_rate.exp().expand(n, -1), generator=call.rng)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.where(z < 0, 0.0, self.log_masses(z.clamp_min(0))).sum(1)

    def log_masses(self, x: Tensor) -> Tensor:
        """Give the log-mass of each entry, `[n, d]`."""
        return x * self.log_rate - self.log_rate.exp() - torch.lgamma(x + 1.0)
