"""An exact density with two modes, a correlation and unequal scales, of any size."""

from __future__ import annotations

import math

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo


class Blobs(zoo.Generator, zoo.DensityModel):
    """x = shift + exp(log_scale) · y, with y from (1 − w) N(0, Σ) + w N(centre, Σ)."""

    class Config(zoo.Config):
        size: pydantic.PositiveInt = 2
        weight: float = 0.15
        distance: float = 3.0

    config: Config

    def _space(self) -> zoo.Space:
        return zoo.Space.real(self.config.size)

    def _build(self) -> None:
        d = self.config.size
        self.shift = nn.Parameter(torch.randn(d))
        self.log_scale = nn.Parameter(0.5 + 0.3 * torch.randn(d))
        self.register_buffer("factor", torch.eye(d) + 0.6 * torch.ones(d, d).tril(-1) / d)

    def centre(self) -> Tensor:
        return torch.full_like(self.shift, self.config.distance / math.sqrt(self.config.size))

    def noise(self, n: int, call: zoo.Call) -> Tensor:
        return torch.randn(n, self.config.size, generator=call.rng, dtype=self.dtype)

    def other(self, n: int, call: zoo.Call) -> Tensor:
        """Say which rows are of the second mode, `[n, 1]`."""
        return torch.rand(n, 1, generator=call.rng) < self.config.weight

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        y = self.noise(n, call) @ self.get_buffer("factor").T
        y = y + self.other(n, call) * self.centre()
        return self.shift + self.log_scale.exp() * y

    def white(self, z: Tensor) -> Tensor:
        return (z - self.shift) / self.log_scale.exp()

    def log_normal(self, y: Tensor) -> Tensor:
        """log N(y; 0, Σ), of rows `[n, d]`."""
        factor = self.get_buffer("factor")
        square = torch.linalg.solve_triangular(factor, y.T, upper=False).square().sum(0)
        return -square / 2 - factor.diagonal().log().sum() - self.constant()

    def constant(self) -> float:
        return self.config.size / 2 * math.log(2 * math.pi)

    def log_mixture(self, y: Tensor) -> Tensor:
        w = self.config.weight
        one, two = self.log_normal(y), self.log_normal(y - self.centre())
        return torch.logaddexp(math.log1p(-w) + one, math.log(w) + two)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.log_mixture(self.white(z)) - self.log_scale.sum()
