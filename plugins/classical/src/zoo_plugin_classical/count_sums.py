"""Count sums: what rows of counts add up to, a class, and the logarithms of their factorials."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_plugin_classical.counted_parts import parts_of
from zoo_plugin_classical.threads import in_threads, spans

_TABLE = 256
"""Counts below it have their log-factorial looked up."""


def log_factorials(z: Tensor, dtype: torch.dtype) -> Float[Tensor, " n"]:
    """Give Σ_j log x_j! of rows `[n, *shape]` of counts, over the known ones."""
    if z.device.type == "cpu":
        return torch.cat([_looked_up(part) for part in parts_of(z)]).to(dtype)
    return torch.lgamma(z.flatten(1).clamp_min(0).double() + 1).sum(1).to(dtype)


def _table() -> Float[Tensor, " counts"]:
    return torch.lgamma(torch.arange(_TABLE, dtype=torch.float64) + 1)


def _looked_up(z: Int64[Tensor, "n d"]) -> Tensor:
    small = _table().take(z.clamp(0, _TABLE - 1))
    large = z >= _TABLE
    if bool(large.any()):
        small[large] = torch.lgamma(z[large].double() + 1)
    return small.sum(1)


def count_sums(
    z: Int64[Tensor, "n d"], y: Int64[Tensor, " n"], weight: Float[Tensor, " n"] | None, k: int
) -> Mapping[str, Tensor]:
    """Give weighted sums of the counts of rows of classes 0 … k−1, a missing one being −1.

    `events` and `known`, the counts and the weight in which they were known, `[k, d]`; `exposure
    [k]`, the weight of rows; `factorials`, Σ weight · log x!. All are float64.
    """
    if weight is None:
        weight = torch.ones(1, dtype=torch.float64, device=z.device)
    if z.device.type == "cpu":
        return _compiled(z, y, weight.double(), k)
    share = one_hot(y, k).double().T * weight.double()
    return {
        "events": share @ z.clamp_min(0).double(),
        "known": share @ (z >= 0).double(),
        "exposure": share.sum(1),
        "factorials": share.sum(0) @ log_factorials(z, torch.float64),
    }


def _compiled(z: Tensor, y: Tensor, weight: Tensor, k: int) -> dict[str, Tensor]:
    from zoo_plugin_classical import count_kernels as kernels

    rows, label, w = (tensor.contiguous().numpy() for tensor in (z, y, weight))
    table = _table().numpy()

    def work(first: int, last: int) -> tuple[Tensor, Tensor, Tensor, float]:
        events, lacking = torch.zeros(2, k, z.shape[1], dtype=torch.float64)
        exposure = torch.zeros(k, dtype=torch.float64)
        sums = (exposure.numpy(), events.numpy(), lacking.numpy())
        return events, lacking, exposure, kernels.sums(rows, label, w, first, last, table, *sums)

    found = zip(*in_threads(work, spans(len(z))), strict=True)
    events, lacking, exposure, factorials = (
        torch.as_tensor(sum(parts), dtype=torch.float64) for parts in found
    )
    known = (exposure[:, None] - lacking).clamp_min(0)
    return {
        "events": events,
        "known": known,
        "exposure": exposure,
        "factorials": factorials,
    }
