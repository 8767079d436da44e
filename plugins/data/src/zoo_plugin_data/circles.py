"""Two circles, one within the other, blurred."""

from __future__ import annotations

import math
from typing import Annotated, final

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from zoo_core.config import Config as BaseConfig
from zoo_core.interfaces.call import Call
from zoo_plugin_data.entropy import plane_entropy
from zoo_plugin_data.toy import ToyDensity, precise


@final
class Circles(ToyDensity):
    """An even mixture of two circles around 0, uniform in the angle, plus N(0, noise² I).

    The geometry is that of scikit-learn's make_circles: the outer circle, component 0, has radius
    1, the inner one radius `factor`. A blurred circle of radius r has the density
    exp(−(|x|² + r²) / 2s²) · I₀(|x| r / s²) / (2π s²), I₀ the modified Bessel function.
    """

    architecture = "data/circles"
    components = 2
    radii: Tensor

    @final
    class Config(BaseConfig):
        """Radius of the inner circle, standard deviation of the noise in both coordinates."""

        factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
        noise: PositiveFloat = 0.05

    config: Config

    def entropy(self) -> float:
        """Give the differential entropy in nats: .6061 by default, .7812 for factor .8."""
        edge = 1 + 9 * self.config.noise
        step = self.config.noise / 2
        return plane_entropy(self._precise_log_prob, (-edge, -edge), (edge, edge), step)

    def _build(self) -> None:
        self.register_buffer("radii", torch.tensor([1.0, self.config.factor]))

    def _draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        angles = self._like(labels).uniform_(0, 2 * math.pi, generator=rng)
        points = torch.stack((angles.cos(), angles.sin()), -1) * self.radii[labels].unsqueeze(1)
        return points + self.config.noise * self._like(labels, 2).normal_(generator=rng)

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        return self._precise_log_prob(precise(z)).to(z.dtype)

    def _precise_log_prob(self, x: Tensor) -> Tensor:
        distance, variance = x.norm(dim=-1), self.config.noise**2
        # i0e(a) = exp(−a) I₀(a) turns the exponent into a square that can't overflow.
        rings = [
            torch.special.i0e(distance * radius / variance).log()
            - (distance - radius).square() / (2 * variance)
            for radius in (1.0, self.config.factor)
        ]
        return torch.logaddexp(*rings) - math.log(4 * math.pi * variance)
