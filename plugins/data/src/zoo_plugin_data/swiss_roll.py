"""A swiss roll in the plane: a blurred spiral."""

from __future__ import annotations

import functools
import math
from typing import Annotated, final

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from zoo_core.config import Config as BaseConfig
from zoo_core.interfaces.call import Call
from zoo_plugin_data.entropy import plane_entropy
from zoo_plugin_data.toy import ToyDensity, precise

_FIRST, _LAST = 1.5 * math.pi, 4.5 * math.pi
_NODES = 8
_ROWS = 4096


@final
class SwissRoll(ToyDensity):
    """The spiral t (cos t, sin t) / 1.5π, t uniform in [1.5π, 4.5π], plus N(0, noise² I).

    The plane of scikit-learn's make_swiss_roll, scaled so that the roll's radius goes from 1 to 3.
    p(x) = 1/3π ∫ N(x; c(t), noise² I) dt is integrated by Gauss-Legendre rules on pieces of the
    spiral no longer than twice the noise: the log-density is exact to 1e-8 up to 8 standard
    deviations of the noise away from the roll.
    """

    architecture = "data/swiss-roll"
    components = 1
    ends: Tensor

    @final
    class Config(BaseConfig):
        """Standard deviation of the noise, in both coordinates."""

        noise: Annotated[float, Field(ge=0.01)] = 0.1

    config: Config

    def entropy(self) -> float:
        """Give the differential entropy in nats."""
        edge = 3 + 9 * self.config.noise
        step = self.config.noise / 2
        return plane_entropy(self._precise_log_prob, (-edge, -edge), (edge, edge), step)

    def _build(self) -> None:
        # The model's device and dtype are those of its tensors, so that it has one.
        self.register_buffer("ends", torch.tensor([_FIRST, _LAST]))

    def _draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        t = self._like(labels).uniform_(_FIRST, _LAST, generator=rng)
        noise = self._like(labels, 2).normal_(generator=rng)
        return _spiral(t) + self.config.noise * noise

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        return self._precise_log_prob(precise(z)).to(z.dtype)

    def _precise_log_prob(self, x: Tensor) -> Tensor:
        places, weights = _quadrature(self.config.noise)
        centres, variance = _spiral(places.to(x)), self.config.noise**2
        offsets = weights.to(x).log() - centres.square().sum(-1) / (2 * variance)
        parts = []
        for rows in x.split(_ROWS):
            # |x − c|² taken apart, so that one product does for all pairs.
            terms = torch.addmm(offsets, rows, centres.mT, alpha=1 / variance)
            parts.append(torch.logsumexp(terms, -1) - rows.square().sum(-1) / (2 * variance))
        return torch.cat(parts) - math.log(2 * math.pi * variance * (_LAST - _FIRST))


def _spiral(t: Tensor) -> Tensor:
    return torch.stack((t * t.cos(), t * t.sin()), -1) / _FIRST


@functools.cache
def _quadrature(noise: float) -> tuple[Tensor, Tensor]:
    """Give places and weights of the rule over t; pieces are longest where the roll is widest."""
    longest = math.hypot(_LAST, 1) / _FIRST * (_LAST - _FIRST)
    pieces = math.ceil(longest / (2 * noise))
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    width = (_LAST - _FIRST) / pieces
    starts = _FIRST + width * torch.arange(pieces, dtype=torch.float64)
    inner = torch.from_numpy((places + 1) / 2 * width)
    return (starts[:, None] + inner).reshape(-1), torch.from_numpy(weights / 2 * width).repeat(
        pieces
    )
