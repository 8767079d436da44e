"""A closed form: a diagonal Gaussian whose mean is linear in the condition."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics


class GaussianRegression(zoo.Generator, zoo.DensityModel, SufficientStatistics):
    """x ~ N(c W, diag(scale²)) given the context c; without a condition c is 1.

    The maximum of the likelihood is that of least squares.
    """

    architecture = "test/gaussian-regression"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        conditioner: zoo.Part | None = None

    config: Config

    def _build(self) -> None:
        told = self.config.conditioner is not None
        width = self.conditioner.context_shape.as_vector if told else 1
        self.weight = nn.Parameter(torch.randn(width, self.space.size))
        self.log_scale = nn.Parameter(0.3 * torch.randn(self.space.size))

    def features(self, n: int, call: zoo.Call) -> Tensor:
        return self.weight.new_ones(n, 1) if call.context is None else call.context.as_vector()

    def residual(self, z: Tensor, call: zoo.Call) -> Tensor:
        return z.reshape(len(z), -1) - self.features(len(z), call) @ self.weight

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        noise = torch.randn(n, self.space.size, generator=call.rng, dtype=self.dtype)
        mean = self.features(n, call) @ self.weight
        return (mean + self.log_scale.exp() * noise).reshape(n, *self.space.shape)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        white = self.residual(z, call) / self.log_scale.exp()
        return -(0.5 * white**2 + self.log_scale + 0.5 * math.log(2 * math.pi)).sum(1)

    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Stats:
        """Sums around the present mean, so that no digits are lost."""
        features, residual = self.features(len(z), call), self.residual(z, call)
        weighted = weight[:, None] * features
        return Stats(
            {
                "rows": weight.sum(),
                "features": weighted.T @ features,
                "products": weighted.T @ residual,
                "squares": weight @ residual**2,
            }
        )

    def _update(self, stats: Stats) -> None:
        if stats["rows"] == 0:
            return
        step = torch.linalg.pinv(stats["features"], hermitian=True) @ stats["products"]
        explained = (step * stats["products"]).sum(0)
        variance = (stats["squares"] - explained) / stats["rows"]
        self.weight += step
        self.log_scale.copy_(variance.clamp_min(1e-12).log() / 2)
