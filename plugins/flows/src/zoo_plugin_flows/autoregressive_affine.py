"""The affine map of a masked autoregressive flow, with a softly bounded scale."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_flows.elementwise import Elementwise
from zoo_plugin_flows.written_gradients import differentiable, needs_plain, traced

_LOG2_E = math.log2(math.e)


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
        # Few calls: one step for one feature is bound by their number.
        log_slope = a / torch.rsub(a.abs(), -1, alpha=1 / self.bound)
        return (y - shift) * log_slope.exp(), log_slope


def _plain(x: Tensor, raw: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Compute the map by single operations."""
    a, shift = raw.unbind()
    log_scale = a / (a.abs() * (1 / bound) + 1)
    return torch.addcmul(shift, x, _exp(log_scale)), log_scale


def _exp(x: Tensor) -> Tensor:
    """Give eˣ as a power of two: torch's exp2 takes half of exp's time on a CPU, or as long."""
    return (x * _LOG2_E).exp2_()


class _SoftAffine(torch.autograd.Function):
    """The map with its derivatives written out: ds/da = 1 / (1 + |a| / bound)².

    Little is kept for the backward pass: fresh memory costs more than the passes that it spares.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, raw: Tensor, bound: float) -> tuple[Tensor, Tensor]:
        a, shift = raw.unbind()
        log_scale = _divisor(a, bound)
        torch.div(a, log_scale, out=log_scale)
        scale = _exp(log_scale)
        ctx.bound = bound
        ctx.save_for_backward(x, raw, scale)
        return torch.addcmul(shift, x, scale), log_scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, raw, scale = ctx.saved_tensors
        if needs_plain(grads[0]):
            plain = partial(_plain, bound=ctx.bound)
            return *differentiable(plain, (x, raw), grads), None
        to_y, to_log = grads
        to_x, to_raw, divisor = to_y * scale, torch.empty_like(raw), _divisor(raw[0], ctx.bound)
        torch.addcmul(to_log, to_x, x, out=to_raw[0]).div_(divisor).div_(divisor)
        to_raw[1].copy_(to_y)
        return to_x, to_raw, None


def _divisor(a: Tensor, bound: float) -> Tensor:
    """Give 1 + |a| / bound in memory of its own."""
    return a.abs().mul_(1 / bound).add_(1)
