"""Eight Gaussians on a circle."""

from __future__ import annotations

import math
from typing import final

import torch
from pydantic import PositiveFloat
from torch import Tensor

from zoo_core.config import Config as BaseConfig
from zoo_core.interfaces.call import Call
from zoo_plugin_data.entropy import plane_entropy
from zoo_plugin_data.toy import ToyDensity, precise


@final
class EightGaussians(ToyDensity):
    """p(x) = 1/8 Σ_k N(x; μ_k, std² I), μ_k = radius · (cos kπ/4, sin kπ/4)."""

    architecture = "data/eight-gaussians"
    components = 8
    means: Tensor

    @final
    class Config(BaseConfig):
        """Radius of the circle of means, standard deviation of each Gaussian."""

        radius: PositiveFloat = 4 / 1.414
        std: PositiveFloat = 0.5 / 1.414

    config: Config

    def entropy(self) -> float:
        """Give the differential entropy in nats: 2.8319 for the default configuration."""
        edge = self.config.radius + 9 * self.config.std
        means = _means(self.config.radius)
        return plane_entropy(
            lambda x: _log_prob(x, means, self.config.std),
            (-edge, -edge),
            (edge, edge),
            self.config.std / 2,
        )

    def _build(self) -> None:
        self.register_buffer("means", _means(self.config.radius).to(torch.get_default_dtype()))

    def _draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        noise = self._like(labels, 2).normal_(generator=rng)
        return self.means[labels] + self.config.std * noise

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        means = _means(self.config.radius).to(z.device, precise(z).dtype)
        return _log_prob(precise(z), means, self.config.std).to(z.dtype)


def _means(radius: float) -> Tensor:
    angles = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
    return radius * torch.stack((angles.cos(), angles.sin()), -1)


def _log_prob(x: Tensor, means: Tensor, std: float) -> Tensor:
    squared = (x.unsqueeze(1) - means).square().sum(-1)
    log_terms = -squared / (2 * std**2)
    return torch.logsumexp(log_terms, -1) - math.log(8 * 2 * math.pi * std**2)
