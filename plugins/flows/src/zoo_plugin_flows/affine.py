"""The affine map of Real NVP, with a bounded scale or a free one (Dinh et al. 2017)."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_flows.elementwise import Elementwise


@final
class Affine(Elementwise):
    """y = x · exp(s) + t, with any logarithm s of the scale.

    Density estimation using Real NVP, Dinh et al. 2017 (arXiv:1605.08803), equations 7 and 8.
    """

    @property
    def width(self) -> int:
        """Two: logarithm of the scale, shift."""
        return 2

    def forward(
        self, x: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Map x, and give the logarithm of the slope there (equation 7)."""
        log_scale, shift = raw.unbind()
        return torch.addcmul(shift, x, log_scale.exp()), log_scale

    def inverse(
        self, y: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Undo `forward` (equation 8), and give the logarithm of the inverse's slope."""
        log_scale, shift = raw.unbind()
        log_slope = -log_scale
        return (y - shift) * log_slope.exp(), log_slope


@final
class BoundedAffine(Elementwise):
    """y = x · exp(s) + t, with the logarithm s of the scale between -bound and bound.

    Density estimation using Real NVP, Dinh et al. 2017 (arXiv:1605.08803), equations 7 and 8. The
    bound keeps both directions accurate in float32.
    """

    def __init__(self, bound: float) -> None:
        self.bound = bound

    @property
    def width(self) -> int:
        """Two: logarithm of the scale, shift."""
        return 2

    def forward(
        self, x: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Map x, and give the logarithm of the slope there (equation 7)."""
        share, shift = self._split(raw)
        log_scale = torch.rsub(share, -self.bound, alpha=-2 * self.bound)
        return torch.addcmul(shift, x, log_scale.exp()), log_scale

    def inverse(
        self, y: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Undo `forward` (equation 8), and give the logarithm of the inverse's slope."""
        share, shift = self._split(raw)
        log_slope = torch.rsub(share, self.bound, alpha=2 * self.bound)
        return (y - shift) * log_slope.exp(), log_slope

    def _split(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Give where in [-bound, bound] the logarithm of the scale lies, as a share, and the shift.

        bound · tanh(s / bound) = bound · (2 · sigmoid(2 s / bound) − 1), and a sigmoid takes a
        fifth of the time of a hyperbolic tangent. `rsub` then scales and shifts in one pass.
        """
        log_scale, shift = raw.unbind()
        steep = 2 / self.bound
        return torch.sigmoid(log_scale if steep == 1 else steep * log_scale), shift
