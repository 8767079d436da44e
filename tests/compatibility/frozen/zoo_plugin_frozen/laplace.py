"""A density model that uses what plugin API 0 offers to one."""

from __future__ import annotations

import math
from typing import Annotated, Any, final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo


@final
class Laplace(zoo.Generator, zoo.DensityModel, zoo.Reparameterized):
    """p(x) = ∏ exp(−|x − loc|/scale) / (2 scale)."""

    architecture = "frozen/laplace"
    observes = True

    @final
    class Config(zoo.Config):
        space: zoo.Space
        conditioner: Annotated[zoo.Part | None, zoo.Provides(zoo.Conditioner)] = None

    @final
    class SampleOptions(zoo.Config):
        temperature: Annotated[float, pydantic.Field(gt=0)] = 1.0

    config: Config

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.zeros(self.space.size))
        self.log_scale = nn.Parameter(torch.zeros(self.space.size))
        self.shift = None
        if self.config.conditioner is not None:
            width = self.conditioner.context_shape.as_vector
            self.shift = nn.Linear(width, self.space.size, bias=False)

    def _objectives(self) -> tuple[zoo.Objective, ...]:
        return (zoo.Objective("likelihood"),)

    def _location(self, n: int, call: zoo.Call) -> Tensor:
        if self.shift is None or call.context is None:
            return self.loc.expand(n, -1)
        return self.loc + self.shift(call.context.as_vector())

    def _draw(self, n: int, call: zoo.Call) -> Tensor:
        uniform = torch.rand(n, self.space.size, generator=call.rng, dtype=self.dtype) - 0.5
        tiny = torch.finfo(self.dtype).tiny
        return -uniform.sign() * (1 - 2 * uniform.abs()).clamp_min(tiny).log()

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        scale = self.log_scale.exp() * call.options.temperature
        x = self._location(n, call) + scale * self._draw(n, call)
        return x.reshape(n, *self.space.shape)

    def _rsample(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        x = self._location(n, call) + self.log_scale.exp() * self._draw(n, call)
        x = x.reshape(n, *self.space.shape)
        return x, self._log_prob(x, call)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        residual = (z.flatten(1) - self._location(len(z), call)).abs()
        terms = -residual / self.log_scale.exp() - self.log_scale - math.log(2)
        if isinstance(call.observed, Tensor):
            terms = terms.masked_fill(call.observed.flatten(1), 0.0)
        return terms.sum(1)

    def _density(self, options: Any) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.EXACT, "closed form"
