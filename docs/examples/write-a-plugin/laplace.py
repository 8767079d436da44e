"""A Laplace distribution with independent entries."""

from __future__ import annotations

import math
from typing import Annotated, final

import torch
import zoo_core as zoo
from torch import Tensor, nn
from zoo_core.errors import ConfigError
from zoo_core.interfaces.preprocessing import Standardize
from zoo_core.interfaces.space import Kind


@final
class Laplace(zoo.Generator, zoo.DensityModel, zoo.Reparameterized):
    """Each entry is Laplace(mean, scale) on its own; where a condition is told, both follow it."""

    architecture = "mine/laplace"

    @final
    class Config(zoo.Config):
        """What one sample is, and what the model is told, if anything."""

        space: zoo.Space
        conditioner: Annotated[zoo.Part, zoo.Provides(zoo.Conditioner)] | None = None

    config: Config
    conditioner: zoo.Conditioner | None

    def _build(self) -> None:
        if self.space.kind is not Kind.REAL or self.space.missing or self.space.ragged:
            advice = "Give space=zoo.Space.real(n), or --space real:n."
            raise ConfigError("A model of real arrays", received=self.space, remedy=advice)
        self.moments = nn.Parameter(torch.zeros(2 * self.space.size))
        if self.conditioner is not None:
            width = self.conditioner.context_shape.as_vector
            self.told = nn.Linear(width, 2 * self.space.size, bias=False)

    def _preprocessing(self) -> tuple[Standardize, ...]:
        return (Standardize(),)

    def _mean_and_log_scale(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        moments = self.moments.expand(n, -1)
        if call.context is not None:
            moments = moments + self.told(call.context.as_vector())
        mean, log_scale = moments.chunk(2, dim=1)
        return mean, log_scale

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        mean, log_scale = self._mean_and_log_scale(len(z), call)
        white = (z.reshape(mean.shape) - mean) / log_scale.exp()
        entries = -white.abs() - math.log(2) - log_scale
        return entries.sum(1)

    def _rsample(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        mean, log_scale = self._mean_and_log_scale(n, call)
        # The difference of two exponential variables is a Laplace variable.
        first, second = mean.new_empty(2, *mean.shape).exponential_(generator=call.rng)
        x = (mean + log_scale.exp() * (first - second)).reshape(n, *self.space.shape)
        return x, self._log_prob(x, call)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self._rsample(n, call)[0]
