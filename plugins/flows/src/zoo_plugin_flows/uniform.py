"""Uniform: the even distribution on a box, with the density 0 outside."""

from __future__ import annotations

import math
from typing import ClassVar, Self, final

import pydantic
import torch
from torch import Tensor

from zoo_core import config as configuration
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Kind, Space


@final
class UniformConfig(configuration.Config):
    """Fields of a uniform distribution.

    space: what one sample is: real, unit or angle. low, high: the ends of every entry; those of the
    space unless given, which are 0 and 1 for a real space too.
    """

    space: Space
    low: float = pydantic.Field(default_factory=lambda fields: _ends(fields)[0])
    high: float = pydantic.Field(default_factory=lambda fields: _ends(fields)[1])

    @pydantic.model_validator(mode="after")
    def _box(self) -> Self:
        coded = self.space.kind.discrete or self.space.entries is not None
        if coded or self.space.ragged or self.space.missing:
            raise ValueError("a uniform distribution is a model of whole arrays of real numbers")
        if not self.low < self.high:
            raise ValueError("low is below high")
        within = self.space.kind is Kind.REAL
        if not within and (self.low < _ends(self)[0] or self.high > _ends(self)[1]):
            raise ValueError(f"low and high lie within the space, {self.space}")
        return self


@final
class Uniform(Generator, DensityModel, Reparameterized):
    """p(x) = Π 1/(high − low) inside of the box, 0 outside of it, where log_prob is −inf."""

    architecture: ClassVar[str] = "flows/uniform"
    Config: ClassVar[type[configuration.Config]] = UniformConfig

    config: UniformConfig
    ends: Tensor

    def _build(self) -> None:
        ends = torch.tensor([self.config.low, self.config.high], dtype=torch.get_default_dtype())
        self.register_buffer("ends", ends)

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        low, high = self.ends
        flat = z.reshape(len(z), -1)
        inside = ((flat >= low) & (flat <= high)).all(-1)
        # The sum of zeros keeps the graph, as every log-density has a gradient.
        constant = (flat * 0).sum(-1) - flat.shape[1] * (high - low).log()
        return torch.where(inside, constant, -math.inf)

    def _sample(self, n: int, call: Call) -> Tensor:
        unit = torch.rand(
            n, *self.space.shape, generator=call.rng, device=self.device, dtype=self.dtype
        )
        low, high = self.ends
        return (low + (high - low) * unit).clamp(low, high)

    def _rsample(self, n: int, call: Call) -> tuple[Tensor, Tensor]:
        x = self._sample(n, call)
        return x, self._log_prob(x, call)


def _ends(fields: UniformConfig | dict[str, object]) -> tuple[float, float]:
    space = fields.space if isinstance(fields, UniformConfig) else fields.get("space")
    angle = isinstance(space, Space) and space.kind is Kind.ANGLE
    return (-math.pi, math.pi) if angle else (0.0, 1.0)
