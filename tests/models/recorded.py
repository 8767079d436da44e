"""Samples that take time: stereo noise, some of it too loud, and films of grey noise."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

import zoo_core as zoo


@final
class Sound(zoo.Generator):
    """Normal noise of standard deviation 0.7 in two channels."""

    architecture = "test/sound"

    @final
    class Config(zoo.Config):
        pass

    def _space(self) -> zoo.Space:
        return zoo.Space.real(2, 50, rate=8000)

    def _build(self) -> None:
        self.register_buffer("scale", torch.tensor(0.7))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.get_buffer("scale") * torch.randn(n, 2, 50, generator=call.rng)


@final
class Film(zoo.Generator):
    """Uniform noise, 7 frames of colour, 12 a second."""

    architecture = "test/film"

    @final
    class Config(zoo.Config):
        pass

    def _space(self) -> zoo.Space:
        return zoo.Space.unit(7, 3, 4, 5, rate=12)

    def _build(self) -> None:
        self.register_buffer("zero", torch.zeros(()))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.get_buffer("zero") + torch.rand(n, 7, 3, 4, 5, generator=call.rng)
