"""Two moons: interleaved half-circles, blurred."""

from __future__ import annotations

import math
from typing import final

import torch
from pydantic import PositiveFloat
from torch import Tensor

from zoo_core.config import Config as BaseConfig
from zoo_core.interfaces.call import Call
from zoo_plugin_data.arc import half_circle_log_prob
from zoo_plugin_data.entropy import plane_entropy
from zoo_plugin_data.toy import ToyDensity, precise


@final
class Moons(ToyDensity):
    """An even mixture of two half-circles, uniform in the angle, plus N(0, noise² I).

    The geometry is that of scikit-learn's make_moons: (cos t, sin t) and (1 − cos t, ½ − sin t)
    for t in [0, π].
    """

    architecture = "data/moons"
    components = 2
    centres: Tensor

    @final
    class Config(BaseConfig):
        """Standard deviation of the noise, in both coordinates."""

        noise: PositiveFloat = 0.05

    config: Config

    def entropy(self) -> float:
        """Give the differential entropy in nats: .2892 for noise .05, 1.0076 for .1."""
        margin = 9 * self.config.noise
        low, high = (-1 - margin, -0.5 - margin), (2 + margin, 1 + margin)
        return plane_entropy(self._precise_log_prob, low, high, self.config.noise / 2)

    def _build(self) -> None:
        self.register_buffer("centres", torch.tensor([[0.0, 0.0], [1.0, 0.5]]))

    def _draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        angles = self._like(labels).uniform_(0, math.pi, generator=rng)
        points = torch.stack((angles.cos(), angles.sin()), -1)
        turned = torch.where(labels.unsqueeze(1) == 0, points, -points)
        noise = self._like(labels, 2).normal_(generator=rng)
        return self.centres[labels] + turned + self.config.noise * noise

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        return self._precise_log_prob(precise(z)).to(z.dtype)

    def _precise_log_prob(self, x: Tensor) -> Tensor:
        upper = half_circle_log_prob(x, self.config.noise)
        lower = half_circle_log_prob(self.centres[1].to(x) - x, self.config.noise)
        return torch.logaddexp(upper, lower) - math.log(2)
