"""Monotonic networks of one hidden layer of sigmoids (Huang et al. 2018)."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from zoo_plugin_flows.elementwise import Elementwise
from zoo_plugin_flows.root import increasing_root

SPREAD = 3.0
"""Largest distance of a unit's shift from zero at the start."""


@final
class SigmoidMixture(Elementwise):
    """y = logit Σⱼ wⱼ σ(aⱼ x + bⱼ), weights w on the simplex and slopes a above `minimum`.

    Neural autoregressive flows, Huang et al. 2018 (arXiv:1804.00779), equation 8. The derivative is
    exact; everything is computed in logarithms, so that the tails are straight lines however far.
    The inverse is a root found between bounds that enclose it: y lies between the smallest and the
    largest aⱼ x + bⱼ. What comes back has y as its image to four units of the last place of
    1 + |y|. It is differentiable once.

    Parameters at zero are not the identity: units that start equal would stay so, hence shifts are
    counted from points spread over [-SPREAD, SPREAD].

    units: number K of sigmoids. minimum: least slope of one.
    """

    def __init__(self, units: int, minimum: float = 1e-2) -> None:
        self.units = units
        self.minimum = minimum

    @property
    def width(self) -> int:
        """Numbers that describe the map of one feature: K slopes, K shifts, K weights."""
        return 3 * self.units

    def forward(
        self, x: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Map x, and give the logarithm of the slope there."""
        return self._evaluate(x, *self._split(raw))

    def inverse(
        self, y: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Undo `forward`, and give the logarithm of the inverse's slope at y."""
        parts = self._split(raw)
        x = self._root(y.detach(), *(part.detach() for part in parts))
        if torch.is_grad_enabled():
            # One Newton step more, with the slope held fixed, has the derivatives of the root.
            back, log_slope = self._evaluate(x, *parts)
            x = x + (y - back) * (-log_slope.detach()).exp()
        _, log_slope = self._evaluate(x, *parts)
        return x, -log_slope

    def _split(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give slopes, shifts and logarithms of the weights."""
        slope, shift, weight = raw.split(self.units)
        centres = torch.linspace(-SPREAD, SPREAD, self.units, device=raw.device, dtype=raw.dtype)
        shift = shift + centres.view(-1, *[1] * (raw.ndim - 1))
        unit = math.log(math.expm1(1 - self.minimum))  # where softplus gives 1 - minimum
        return softplus(slope + unit) + self.minimum, shift, weight.log_softmax(0)

    def _evaluate(
        self, x: Tensor, slope: Tensor, shift: Tensor, log_weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        u = torch.addcmul(shift, slope, x)
        up, down = logsigmoid(u), logsigmoid(-u)
        log_p = (log_weight + up).logsumexp(0)
        log_q = (log_weight + down).logsumexp(0)
        log_slope = (log_weight + up + down + slope.log()).logsumexp(0)
        return log_p - log_q, log_slope - log_p - log_q

    def _root(self, y: Tensor, slope: Tensor, shift: Tensor, log_weight: Tensor) -> Tensor:
        ends = (y - shift) / slope
        margin = 1e-3 * (1 + ends.abs().amax(0))
        rounding = 4 * torch.finfo(y.dtype).eps * (1 + y.abs())

        def gap(x: Tensor) -> tuple[Tensor, Tensor]:
            value, log_slope = self._evaluate(x, slope, shift, log_weight)
            value = value - y
            # What rounding hides counts as zero, or the last digits would take most of the steps.
            return value.masked_fill(value.abs() <= rounding, 0), log_slope.exp()

        return increasing_root(gap, ends.amin(0) - margin, ends.amax(0) + margin)
