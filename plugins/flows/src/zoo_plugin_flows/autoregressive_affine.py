"""The affine map of a masked autoregressive flow, with a softly bounded scale."""

from __future__ import annotations

from functools import partial
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_flows.elementwise import Elementwise
from zoo_plugin_flows.written_gradients import differentiable, needs_plain, traced


@final
class SoftAffine(Elementwise):
    """y = x · exp(s) + t, where s = a / (1 + |a| / bound) is between -bound and bound.

    Masked autoregressive flow, Papamakarios et al. 2017 (arXiv:1705.07057), equation 4, turned
    round. The bound keeps both directions finite; a quotient bounds at a fifth of a tanh's cost.
    """

    def __init__(self, bound: float) -> None:
        self.bound = bound

    @property
    def width(self) -> int:
        """Two: logarithm of the scale before its bound, shift."""
        return 2

    def forward(
        self, x: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Map x, and give the logarithm of the slope there."""
        if traced():
            return _plain(x, raw, self.bound)
        if torch.is_grad_enabled():
            return _SoftAffine.apply(x, raw, self.bound)  # pyright: ignore[reportReturnType]
        return _plain(x, raw, self.bound)

    def inverse(
        self, y: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Undo `forward`, and give the logarithm of the inverse's slope."""
        a, shift = raw.unbind()
        log_slope = a / (a.abs() * (-1 / self.bound)).sub_(1)
        return (y - shift) * log_slope.exp(), log_slope


def _plain(x: Tensor, raw: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Compute the map by single operations."""
    a, shift = raw.unbind()
    log_scale = a / (a.abs() * (1 / bound) + 1)
    return torch.addcmul(shift, x, log_scale.exp()), log_scale


def _forward(x: Tensor, raw: Tensor, bound: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Compute the map with few passes over memory; give scale and q = 1 / (1 + |a| / bound) too."""
    a, shift = raw.unbind()
    q = a.abs().mul_(1 / bound).add_(1).reciprocal_()
    log_scale = a * q
    scale = log_scale.exp()
    return torch.addcmul(shift, x, scale), log_scale, scale, q


class _SoftAffine(torch.autograd.Function):
    """The map with its derivatives written out: ds/da = q²."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, raw: Tensor, bound: float) -> tuple[Tensor, Tensor]:
        y, log_scale, scale, q = _forward(x, raw, bound)
        ctx.bound = bound
        ctx.save_for_backward(x, raw, scale, q)
        return y, log_scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, raw, scale, q = ctx.saved_tensors
        if needs_plain(grads[0]):
            plain = partial(_plain, bound=ctx.bound)
            return *differentiable(plain, (x, raw), grads), None
        to_y, to_log = grads
        to_x = to_y * scale
        to_raw = torch.empty_like(raw)
        torch.addcmul(to_log, to_x, x, out=to_raw[0]).mul_(q).mul_(q)
        to_raw[1] = to_y
        return to_x, to_raw, None
