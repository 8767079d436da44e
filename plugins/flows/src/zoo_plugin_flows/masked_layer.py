"""A linear layer of which only some weights count."""

from __future__ import annotations

from typing import Any, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from zoo_plugin_flows.masked_blocks import WORK, Blocks
from zoo_plugin_flows.written_gradients import differentiable, needs_plain, traced

NARROW = 4
"""Outputs a row up to which the product goes by blocks; beyond, turning it costs too much."""


@final
class MaskedLayer(nn.Module):
    """Products with a masked weight: y = (M ∘ W) x + b, rows of a batch last.

    MADE, Germain et al. 2015 (arXiv:1502.03509), equation 10. Masked weights are parameters too;
    they change nothing. mask: True where a weight counts. width: how many outputs each row of the
    mask has; None for one, without an axis for it. rectified: whether a rectifier follows. zero:
    whether weights and biases start at zero.
    """

    forbidden: Tensor

    def __init__(
        self,
        mask: Bool[Tensor, "out in"],
        width: int | None = None,
        *,
        rectified: bool = False,
        zero: bool = False,
    ) -> None:
        super().__init__()
        out, inputs = mask.shape
        rows = (out,) if width is None else (width, out)
        self.weight = nn.Parameter(torch.empty(*rows, inputs))
        self.bias = nn.Parameter(torch.empty(rows))
        self.register_buffer("forbidden", ~mask)
        self.rectified = rectified
        narrow = width is None or width <= NARROW
        self.blocks = Blocks.of(mask.repeat_interleave(width or 1, 0)) if narrow else None
        bound = 0.0 if zero else 1 / max(1, inputs) ** 0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Float[Tensor, "in n"]) -> Float[Tensor, "*rows n"]:
        """Give the products of each row."""
        blocks = self.blocks if self.weight.numel() * x.shape[1] >= WORK else None
        weight, bias, forbidden = self.weight, self.bias, self.forbidden
        if traced():
            return _plain(weight, bias, x, forbidden, self.rectified)
        if torch.is_grad_enabled():
            y = _Masked.apply(weight, bias, x, forbidden, blocks, self.rectified)
            return y  # pyright: ignore[reportReturnType]
        return _product(weight, bias, x, forbidden, blocks, self.rectified)[0]


def _plain(weight: Tensor, bias: Tensor, x: Tensor, forbidden: Tensor, rectified: bool) -> Tensor:
    """Compute the layer by single operations."""
    masked = weight.masked_fill(forbidden, 0).flatten(0, -2)
    y = torch.addmm(bias.flatten()[:, None], masked, x)
    y = y.unflatten(0, bias.shape)
    return y.relu() if rectified else y


def _product(
    weight: Tensor,
    bias: Tensor,
    x: Tensor,
    forbidden: Tensor,
    blocks: Blocks | None,
    rectified: bool,
) -> tuple[Tensor, Tensor]:
    """Compute the layer; give the masked weight too, its rows as in the product."""
    masked = weight.masked_fill(forbidden, 0)
    if blocks is None:
        masked = masked.view(-1, len(x))
        y = torch.addmm(bias.view(-1, 1), masked, x).view(*bias.shape, -1)
    else:
        masked = _together(masked)
        y = _apart(blocks.product(masked, _together(bias[..., None])[:, 0], x), bias.shape)
    return (y.relu_() if rectified else y), masked


def _together(y: Tensor) -> Tensor:
    """Turn [width, rows, n] into [rows · width, n], so that rows of one degree are neighbours."""
    return y if y.ndim == 2 else y.transpose(0, 1).reshape(-1, y.shape[-1])


def _apart(y: Tensor, shape: torch.Size) -> Tensor:
    """Undo `_together`."""
    return y if len(shape) == 1 else y.view(shape[1], shape[0], -1).transpose(0, 1)


class _Masked(torch.autograd.Function):
    """The layer with its derivatives written out, by blocks; the second ones by the whole."""

    @staticmethod
    def forward(
        ctx: Any,
        weight: Tensor,
        bias: Tensor,
        x: Tensor,
        forbidden: Tensor,
        blocks: Blocks | None,
        rectified: bool,
    ) -> Tensor:
        y, masked = _product(weight, bias, x, forbidden, blocks, rectified)
        ctx.blocks = blocks
        ctx.plain = forbidden, rectified
        ctx.save_for_backward(weight, bias, x, masked, y if rectified else None)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, bias, x, masked, y = ctx.saved_tensors
        if needs_plain(grads[0]):
            forbidden, rectified = ctx.plain

            def plain(*inputs: Tensor) -> tuple[Tensor]:
                return (_plain(*inputs, forbidden=forbidden, rectified=rectified),)

            return *differentiable(plain, (weight, bias, x), grads), None, None, None
        grad = grads[0] if y is None else torch.ops.aten.threshold_backward(grads[0], y, 0)
        to_weight, to_x = _gradients(ctx, grad, masked, x)
        if to_weight is not None:
            to_weight = to_weight.masked_fill_(ctx.plain[0], 0)
        return to_weight, grad.sum(-1), to_x, None, None, None


def _gradients(ctx: Any, grad: Tensor, masked: Tensor, x: Tensor) -> tuple[Tensor | None, ...]:
    """Give the gradients of the weight and of x, where they are needed."""
    shape, blocks = grad.shape[:-1], ctx.blocks
    wants_weight, _, wants_x = ctx.needs_input_grad[:3]
    if blocks is None:
        grad = grad.reshape(-1, grad.shape[-1])
        to_weight = (grad @ x.mT).view(*shape, -1) if wants_weight else None
        return to_weight, masked.mT @ grad if wants_x else None
    grad = _together(grad)
    to_weight = _apart(blocks.to_weight(grad, x), shape) if wants_weight else None
    return to_weight, blocks.to_input(grad, masked) if wants_x else None
