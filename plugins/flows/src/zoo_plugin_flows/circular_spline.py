"""Monotonic rational-quadratic splines on the circle (Rezende et al. 2020)."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from zoo_plugin_flows.elementwise import Elementwise
from zoo_plugin_flows.splines import Bin, evaluate, solve


@final
class CircularSpline(Elementwise):
    """A smooth map of the circle on itself: a turn, then a spline of [-π, π] whose ends join.

    Normalizing flows on tori and spheres, Rezende et al. 2020 (arXiv:2002.02428), sections 2.1.2
    and 2.1.3: the slopes at -π and π are one parameter, and a phase chooses which angle is sent
    there. Angles in and out lie in [-π, π). All parameters at zero give the identity.

    bins: number K of bins. minimum: least share of the circle that a bin takes, and least slope.
    """

    def __init__(self, bins: int, minimum: float = 1e-2) -> None:
        self.bins = bins
        self.minimum = minimum

    @property
    def width(self) -> int:
        """Numbers that describe the map of one angle: K widths, K heights, K slopes, a phase."""
        return 3 * self.bins + 1

    def forward(
        self, x: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Map angles, and give the logarithm of the slope there."""
        turned = wrap(x + raw[-1])
        here = self._find(turned, raw[:-1], axis=0)
        y, log_slope = evaluate(here, (turned - here.x) / here.width)
        return wrap(y), log_slope

    def inverse(
        self, y: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Undo `forward`, and give the logarithm of the inverse's slope."""
        there = wrap(y)
        here = self._find(there, raw[:-1], axis=1)
        theta = solve(here, ((there - here.y) / here.height).clamp(0, 1))
        _, log_slope = evaluate(here, theta)
        return wrap(here.x + theta * here.width - raw[-1]), -log_slope

    def _find(self, value: Tensor, raw: Tensor, axis: int) -> Bin:
        """Find each value's bin along x (axis 0) or y (axis 1)."""
        bins = self.bins
        shares, slopes = raw.split([2 * bins, bins])
        shares = functional.softmax(shares.unflatten(0, (2, bins)), dim=1)
        sizes = 2 * math.pi * (self.minimum + (1 - bins * self.minimum) * shares)
        ends = sizes[:, :-1].cumsum(1) - math.pi
        knots = torch.cat((torch.full_like(ends[:, :1], -math.pi), ends), 1)
        index = (value.detach() >= ends[axis].detach()).sum(0)[None]
        (x, y), (width, height) = (
            t.gather(1, index.expand(2, *index.shape)).squeeze(1) for t in (knots, sizes)
        )
        unit = math.log(math.expm1(1 - self.minimum))  # where softplus gives 1 - minimum
        slopes = functional.softplus(slopes + unit) + self.minimum
        left, right = slopes.gather(0, index)[0], slopes.gather(0, (index + 1) % bins)[0]
        return Bin(x, y, width, height, left, right)


def wrap(angle: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Turn angles by whole turns into [-π, π); those that are there already don't change."""
    turns = torch.floor((angle.detach() + math.pi) / (2 * math.pi))
    return (angle - 2 * math.pi * turns).clamp(-math.pi, math.pi)
