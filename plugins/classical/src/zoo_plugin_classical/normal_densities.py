"""Normal densities of independent entries: compiled on a CPU, with gradients written out."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_classical.threads import in_threads, spans

_NUMBERS = 2**17
"""Numbers that plain operations work on at once."""


def log_densities(
    x: Float[Tensor, "n d"], mean: Float[Tensor, "k d"], log_scale: Float[Tensor, "k d"]
) -> Float[Tensor, "n k"]:
    """Give Σ_j log N(x_j; mean_kj, exp(log_scale_kj)²) over the known entries, in nats."""
    traced = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    compiled = x.dtype == mean.dtype in (torch.float32, torch.float64) and not traced
    if x.device.type == "cpu" and compiled:
        return _Compiled.apply(x, mean, log_scale)  # pyright: ignore[reportReturnType]
    return _plain(x, mean, log_scale)


def _plain(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    rows = max(1, _NUMBERS // mean.numel()) if x.device.type == "cpu" else len(x)
    return torch.cat([_part(part, mean, log_scale) for part in x.split(rows)])


def _part(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    known = ~x.isnan()
    # NaN is replaced first: a gradient of NaN times zero would be NaN.
    noise = (torch.where(known, x, 0.0)[:, None] - mean) * (-log_scale).exp()
    terms = -0.5 * noise.square() - log_scale - 0.5 * math.log(2 * math.pi)
    return torch.where(known[:, None], terms, 0.0).sum(2)


@final
class _Compiled(torch.autograd.Function):
    """The same by a compiled kernel; the gradients are plain operations, a class at a time."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        ctx.save_for_backward(x, mean, log_scale)
        return _scores(x, mean, log_scale)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, log_scale = ctx.saved_tensors
        known = ~x.isnan()
        filled = torch.where(known, x, 0.0)
        to_x, to_mean, to_scale = torch.zeros_like(x), [], []
        for grad, centre, scale in zip(grads[0].T, mean, log_scale, strict=True):
            noise = torch.where(known, filled - centre, 0.0) * (-scale).exp()
            slope = grad[:, None] * noise * (-scale).exp()
            to_x = to_x - slope
            to_mean.append(slope.sum(0))
            to_scale.append((grad[:, None] * (noise.square() - known.to(x.dtype))).sum(0))
        return to_x, torch.stack(to_mean), torch.stack(to_scale)


@torch.no_grad()
def _scores(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    from zoo_plugin_classical import normal_kernels as kernels

    # (x − μ)²/(2σ²) is the square of what the kernel multiplies x − μ by.
    factor = ((-log_scale).exp() * math.sqrt(0.5)).contiguous()
    constant = (-log_scale - 0.5 * math.log(2 * math.pi)).contiguous()
    scores = x.new_empty(len(x), len(mean))
    centre, scale, bias = (tensor.numpy() for tensor in (mean.contiguous(), factor, constant))
    rows, out = x.detach().contiguous().numpy(), scores.numpy()

    def work(first: int, last: int) -> None:
        kernels.log_densities(rows, first, last, centre, scale, bias, out)

    in_threads(work, spans(len(x)))
    return scores
