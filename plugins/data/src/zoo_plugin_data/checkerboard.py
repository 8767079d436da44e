"""A checkerboard: uniform on its dark squares."""

from __future__ import annotations

import math
from typing import final

import torch
from pydantic import PositiveFloat
from torch import Tensor

from zoo_core.config import Config as BaseConfig
from zoo_core.interfaces.call import Call
from zoo_plugin_data.toy import ToyDensity


@final
class Checkerboard(ToyDensity):
    """Uniform on eight of the 4 × 4 squares over [−2 · side, 2 · side)², the lower left among them.

    Outside of them the density is 0 and log_prob −inf; its gradient is 0 everywhere.
    """

    architecture = "data/checkerboard"
    components = 8
    corners: Tensor

    @final
    class Config(BaseConfig):
        """Side of a square."""

        side: PositiveFloat = 2.0

    config: Config

    def entropy(self) -> float:
        """Give the differential entropy in nats, log(8 · side²): ln 32 by default."""
        return math.log(8 * self.config.side**2)

    def _build(self) -> None:
        squares = [(i, j) for i in range(-2, 2) for j in range(-2, 2) if (i + j) % 2 == 0]
        self.register_buffer("corners", self.config.side * torch.tensor(squares).float())

    def _draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        within = self._like(labels, 2).uniform_(generator=rng)
        low = self.corners[labels]
        # Rounding may reach the upper edge, which belongs to the next square.
        high = torch.nextafter(low + self.config.side, low)
        return torch.minimum(low + self.config.side * within, high)

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        squares = (z.detach() / self.config.side).floor()
        dark = (squares.sum(-1) % 2 == 0) & (squares >= -2).all(-1) & (squares < 2).all(-1)
        # The sum of zeros keeps the graph, so that a gradient can be asked for and is zero.
        connected = (z * 0).sum(-1)
        return torch.where(dark, connected - self.entropy(), connected - math.inf)
