"""A torus: two angles, the second wound around the first."""

from __future__ import annotations

import math
from typing import ClassVar, final

import torch
from pydantic import PositiveFloat
from torch import Tensor

from zoo_core.config import Config as BaseConfig
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.space import Space
from zoo_plugin_data.toy import ToyDensity, precise

_GRID = 4096
_TAIL = 9.0
"""Wrapped normals are summed as far as so many standard deviations: what is left is below 1e-17."""


@final
class Torus(ToyDensity):
    """Two angles: a around one of three centres, b around winding · a.

    p(a, b) = ⅓ Σ_k W(a − 2πk/3; spread) · W(b − winding · a; noise), with W the wrapped normal
    density W(d; s) = Σ_m N(d + 2πm; 0, s²). Since winding is whole, the ridge closes on the torus.
    """

    architecture = "data/torus"
    components = 3
    samples: ClassVar[Space] = Space.angle(2)
    centres: Tensor

    @final
    class Config(BaseConfig):
        """Spread of a around its centres, noise of b in radians, turns of b for one of a."""

        spread: PositiveFloat = 0.4
        noise: PositiveFloat = 0.3
        winding: int = 1

    config: Config

    def entropy(self) -> float:
        """Give the differential entropy in nats: that of a plus that of b about its ridge."""
        angles = torch.arange(_GRID, dtype=torch.float64) * (2 * math.pi / _GRID) - math.pi
        first = self._first(angles)
        second = _wrapped(angles, self.config.noise)
        return sum(-float((p.exp() * p).sum()) * 2 * math.pi / _GRID for p in (first, second))

    def _build(self) -> None:
        self.register_buffer("centres", _centres().to(torch.get_default_dtype()))

    def _draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        noise = self._like(labels, 2).normal_(generator=rng)
        first = self.centres[labels] + self.config.spread * noise[:, 0]
        second = self.config.winding * first + self.config.noise * noise[:, 1]
        return _folded(torch.stack((first, second), -1))

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        first, second = precise(z).unbind(-1)
        along = second - self.config.winding * first
        return (self._first(first) + _wrapped(along, self.config.noise)).to(z.dtype)

    def _first(self, angles: Tensor) -> Tensor:
        """Give the log-density of the first angle."""
        away = angles.unsqueeze(-1) - _centres().to(angles)
        return torch.logsumexp(_wrapped(away, self.config.spread), -1) - math.log(3)


def _centres() -> Tensor:
    return torch.arange(3, dtype=torch.float64) * (2 * math.pi / 3)


def _folded(angles: Tensor) -> Tensor:
    """Bring angles between −π and π."""
    return torch.remainder(angles + math.pi, 2 * math.pi).sub(math.pi).clamp(-math.pi, math.pi)


def _wrapped(angles: Tensor, std: float) -> Tensor:
    """Give the log-density of a wrapped normal around 0."""
    reach = math.ceil(_TAIL * std / (2 * math.pi)) + 1
    turns = torch.arange(-reach, reach + 1).to(angles) * (2 * math.pi)
    # Whole turns are taken off outside of autograd: the slope of what remains is one.
    near = angles - ((angles.detach() + math.pi) / (2 * math.pi)).floor() * (2 * math.pi)
    squared = ((near.unsqueeze(-1) + turns) / std).square()
    return torch.logsumexp(-0.5 * squared, -1) - math.log(math.sqrt(2 * math.pi) * std)
