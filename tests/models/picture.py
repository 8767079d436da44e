"""Small grey pictures of independent pixels: an exact mass."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

import zoo_core as zoo


@final
class Picture(zoo.Generator, zoo.DensityModel):
    """Every pixel is one of five levels, each as likely as the others."""

    architecture = "test/picture"

    @final
    class Config(zoo.Config):
        pass

    def _space(self) -> zoo.Space:
        return zoo.Space.ordinal(5, 3, 4)

    def _build(self) -> None:
        self.register_buffer("zero", torch.zeros(()))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return torch.randint(5, (n, 3, 4), generator=call.rng)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.get_buffer("zero") - torch.full((len(z),), 12 * math.log(5))
