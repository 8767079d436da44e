"""The noise that a flow's data are mapped to, where no other base distribution is chosen."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.interfaces.space import Kind, Space


class Noise(ABC):
    """A fixed distribution of flat rows, without parameters."""

    @abstractmethod
    def log_prob(self, noise: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Give the log-density of each row in nats."""

    @abstractmethod
    def fill(self, rows: Float[Tensor, "n d"], rng: torch.Generator) -> Float[Tensor, "n d"]:
        """Fill an empty tensor with draws."""


@final
class NormalNoise(Noise):
    """N(0, I)."""

    def log_prob(self, noise: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Give −½ |z|² − ½ d log 2π."""
        return -0.5 * noise.square().sum(-1) - 0.5 * noise.shape[1] * math.log(2 * math.pi)

    def fill(self, rows: Float[Tensor, "n d"], rng: torch.Generator) -> Float[Tensor, "n d"]:
        """Draw from N(0, I)."""
        return rows.normal_(generator=rng)


@final
class AngleNoise(Noise):
    """Uniform angles between −π and π: the density (2π)^−d on the torus."""

    def log_prob(self, noise: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Give −d log 2π."""
        # The sum of zeros keeps the graph, as every log-density has a gradient.
        return (noise * 0).sum(-1) - noise.shape[1] * math.log(2 * math.pi)

    def fill(self, rows: Float[Tensor, "n d"], rng: torch.Generator) -> Float[Tensor, "n d"]:
        """Draw uniformly."""
        return rows.uniform_(-math.pi, math.pi, generator=rng)


def noise_for(space: Space) -> Noise:
    """Choose the noise for data of a space: uniform for angles, else normal."""
    return AngleNoise() if space.kind is Kind.ANGLE else NormalNoise()
