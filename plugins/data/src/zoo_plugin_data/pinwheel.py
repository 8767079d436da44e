"""A pinwheel: Gaussians around the centre, twisted."""

from __future__ import annotations

import math
from typing import final

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from zoo_core.config import Config as BaseConfig
from zoo_core.interfaces.call import Call
from zoo_plugin_data.entropy import plane_entropy
from zoo_plugin_data.toy import ToyDensity, precise


@final
class Pinwheel(ToyDensity):
    """Gaussian arms around the centre, each point turned by an angle that grows with its radius.

    An arm is N((radius, 0), diag(radial², tangential²)), turned by 2πk / arms; then every point x
    is turned by twist · |x|. Turning by an angle that depends on the radius alone keeps areas, so
    that the density at x is that of the arms at x turned back.
    """

    architecture = "data/pinwheel"
    angles: Tensor

    @final
    class Config(BaseConfig):
        """Number of arms, where their means lie, their standard deviations, twist in radians."""

        arms: PositiveInt = 5
        radius: PositiveFloat = 2.0
        radial: PositiveFloat = 0.6
        tangential: PositiveFloat = 0.2
        twist: float = 0.5

    config: Config

    def entropy(self) -> float:
        """Give the differential entropy in nats: that of the arms, which the twist leaves alone."""
        edge = self.config.radius + 9 * max(self.config.radial, self.config.tangential)
        step = min(self.config.radial, self.config.tangential) / 2
        return plane_entropy(self._arms_log_prob, (-edge, -edge), (edge, edge), step)

    def _build(self) -> None:
        self.components = self.config.arms
        self.register_buffer("angles", self._turns().to(torch.get_default_dtype()))

    def _draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        noise = self._like(labels, 2).normal_(generator=rng)
        along = self.config.radius + self.config.radial * noise[:, 0]
        arm = torch.stack((along, self.config.tangential * noise[:, 1]), -1)
        return _turned(arm, self.angles[labels] + self.config.twist * arm.norm(dim=-1))

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        x = precise(z)
        return self._arms_log_prob(_turned(x, -self.config.twist * x.norm(dim=-1))).to(z.dtype)

    def _arms_log_prob(self, x: Tensor) -> Tensor:
        """Give the log-density before the twist."""
        back = _turned(x.unsqueeze(1), -self._turns().to(x))
        along = (back[..., 0] - self.config.radius) / self.config.radial
        across = back[..., 1] / self.config.tangential
        area = 2 * math.pi * self.config.radial * self.config.tangential * self.config.arms
        return torch.logsumexp(-0.5 * (along**2 + across**2), -1) - math.log(area)

    def _turns(self) -> Tensor:
        arms = self.config.arms
        return torch.arange(arms, dtype=torch.float64) * (2 * math.pi / arms)


def _turned(x: Tensor, angle: Tensor) -> Tensor:
    """Turn points in the plane by angles."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((x[..., 0] * cos - x[..., 1] * sin, x[..., 0] * sin + x[..., 1] * cos), -1)
