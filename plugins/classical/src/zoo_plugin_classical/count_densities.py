"""Masses of independent Poisson counts: compiled on a CPU, with gradients written out."""

from __future__ import annotations

from typing import Any, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_plugin_classical.counted_parts import parts_of
from zoo_plugin_classical.threads import in_threads, spans


def log_ratios(z: Int64[Tensor, "n d"], log_rate: Float[Tensor, "k d"]) -> Float[Tensor, "n k"]:
    """Give Σ_j x_j log λ_kj − λ_kj over the known counts: log p_k(x) without Σ log x!, in nats."""
    traced = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    compiled = log_rate.dtype in (torch.float32, torch.float64) and not traced
    if z.device.type == "cpu" and compiled:
        return _Compiled.apply(z, log_rate)  # pyright: ignore[reportReturnType]
    return torch.cat([_plain(part, log_rate) for part in parts_of(z)])


def _plain(z: Tensor, log_rate: Tensor) -> Tensor:
    known = (z >= 0).to(log_rate.dtype)
    return (known * z) @ log_rate.T - known @ log_rate.exp().T


@final
class _Compiled(torch.autograd.Function):
    """The same by a compiled kernel; the gradients are plain operations."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, log_rate: Tensor) -> Tensor:
        ctx.save_for_backward(z, log_rate)
        return _scores(z, log_rate)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        z, log_rate = ctx.saved_tensors
        known = (z >= 0).to(log_rate.dtype)
        return None, grads[0].T @ (known * z) - (grads[0].T @ known) * log_rate.exp()


@torch.no_grad()
def _scores(z: Tensor, log_rate: Tensor) -> Tensor:
    from zoo_plugin_classical import count_kernels as kernels

    scores = log_rate.new_empty(len(z), len(log_rate))
    weights, by_entry, rate, rows, out = (
        tensor.contiguous().numpy() for tensor in (log_rate, log_rate.T, log_rate.exp(), z, scores)
    )

    def work(first: int, last: int) -> None:
        kernels.log_ratios(rows, first, last, weights, by_entry, rate, out)

    in_threads(work, spans(len(z)))
    return scores
