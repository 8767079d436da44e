"""An unnormalised energy: scores without a partition function, and does not sample."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo


@final
class QuarticEnergy(zoo.DensityModel):
    """log p(x) = −Σ a x⁴ + const, over standardised data."""

    architecture = "test/quartic"

    @final
    class Config(zoo.Config):
        space: zoo.Space

    config: Config

    def _build(self) -> None:
        self.log_scale = nn.Parameter(torch.zeros(self.space.shape))

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return -(self.log_scale.exp() * z**4).flatten(1).sum(1)

    def _density(self, options: zoo.Config) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.UNNORMALIZED, "energy"
