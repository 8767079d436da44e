"""A small sound model, of which a mutant changes one thing."""

from __future__ import annotations

from typing import final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.space import Space


@final
class Lax(Space):  # type: ignore[misc]  # Space is final; a mutant's lets everything through
    def check(self, x: Tensor, *, what: str = "data", empty: bool = False) -> Tensor:
        return x


class Plain(zoo.Generator, zoo.DensityModel):
    """N(loc, scale²) of two independent entries: what a mutant changes one thing of."""

    @final
    class Config(zoo.Config):
        width: pydantic.PositiveInt = 2

    config: Config

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(2))
        self.log_scale = nn.Parameter(0.3 * torch.randn(2))

    def _noise(self, n: int, call: zoo.Call) -> Tensor:
        return torch.randn(n, 2, generator=call.rng, dtype=self.dtype)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.loc + self.log_scale.exp() * self._noise(n, call)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self._normal().log_prob(z).sum(1)

    def _normal(self) -> torch.distributions.Normal:
        return torch.distributions.Normal(self.loc, self.log_scale.exp())


def plain() -> zoo.Model:
    return Sound.create()


@final
class Sound(Plain):
    architecture = "test/sound"


def mutant(name: str, broken: type[zoo.Model], caught_by: str) -> Mutant:
    """Name a broken twin of the plain model."""
    return Mutant(name, broken.create, plain, caught_by)
