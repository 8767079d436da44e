"""The log of a sum of kernels at many points: exact, in bounded memory."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from zoo_plugin_classical.kernels import Kernel
from zoo_plugin_classical.threads import in_threads, spans

_TILE = 256
"""Rows that are worked on while they are in the first-level cache; a power of two."""
_AT_ONCE = 2**22
"""Numbers of one block where torch works."""
_LEAST = 64
"""Points for which a thread is worth its while."""


def log_kernel_sum(
    points: Float[Tensor, "m d"],
    rows: Float[Tensor, "n d"],
    weight: Float[Tensor, " n"],
    kernel: Kernel,
    bandwidth: Float[Tensor, " d"],
    *,
    own: bool = False,
) -> Float[Tensor, " m"]:
    """Give log Σ_j weight_j K((point_i − row_j)/bandwidth) of each point, K without its integral.

    Rows are whole and weigh more than 0. A missing entry (NaN) of a point doesn't count, which for
    the gaussian kernel is its marginal. With `own` the points are the rows, and each is left out
    of its own sum. Every pair is looked at, with one copy of the rows. Gradients flow to the
    points.
    """
    wants_gradient = torch.is_grad_enabled() and points.requires_grad
    compiled = points.device.type == "cpu" and points.dtype in (torch.float32, torch.float64)
    if compiled and not wants_gradient:
        return _compiled(points.detach(), rows, weight, kernel, bandwidth, own)
    step = max(1, _AT_ONCE // max(1, rows.numel()))
    found = []
    for first in range(0, len(points), step):
        block = functools.partial(
            _dense, bandwidth=bandwidth, kernel=kernel, own=first if own else None
        )
        # A checkpoint computes a block again for its gradient, instead of keeping it.
        run = functools.partial(checkpoint, block, use_reentrant=False) if wants_gradient else block
        found.append(run(points[first : first + step], rows, weight.log()))
    return torch.cat(found)


def _dense(
    points: Tensor,
    rows: Tensor,
    log_weight: Tensor,
    *,
    bandwidth: Tensor,
    kernel: Kernel,
    own: int | None,
) -> Tensor:
    gaps = (points.nan_to_num(0)[:, None] - rows) / bandwidth
    gaps = gaps.masked_fill(points.isnan()[:, None], 0.0)
    terms = kernel.log_values(gaps.square().sum(2)) + log_weight
    if own is not None:
        alone = torch.arange(len(points), device=points.device)
        terms = terms.index_put((alone, own + alone), terms.new_tensor(-torch.inf))
    # Where every term is −inf the gradient of logsumexp would be NaN.
    reached = terms.amax(1, keepdim=True) > -torch.inf
    total = torch.where(reached, terms, 0.0).logsumexp(1)
    return torch.where(reached[:, 0], total, -torch.inf)


def _compiled(
    points: Tensor, rows: Tensor, weight: Tensor, kernel: Kernel, bandwidth: Tensor, own: bool
) -> Tensor:
    """Work on spans of points in threads, each through all tiles of rows."""
    x, out = (points / bandwidth).numpy(), np.empty(len(points))
    tiles, weights = _tiles(rows, bandwidth), _weights(weight)
    sums = _sums_of(kernel, x.dtype)

    def work(first: int, last: int) -> None:
        scratch = np.empty((3, _TILE), x.dtype)
        sums(x[first:last], tiles, weights, scratch, first if own else -1, out[first:last])

    in_threads(work, spans(len(x), _LEAST))
    return torch.from_numpy(out).to(points.dtype)


def _tiles(rows: Tensor, bandwidth: Tensor) -> np.ndarray:
    """Give rows in bandwidths as `[tiles, d, size]`; the last row fills the last tile."""
    count = -(-len(rows) // _TILE)
    tiles = rows.new_empty(count, rows.shape[1], _TILE)
    whole = len(rows) // _TILE
    tiles[:whole] = rows[: whole * _TILE].reshape(whole, _TILE, rows.shape[1]).transpose(1, 2)
    if whole < count:
        rest = rows[whole * _TILE :]
        tiles[whole] = rest[-1][:, None]
        tiles[whole, :, : len(rest)] = rest.T
    return tiles.div_(bandwidth[:, None]).numpy()


def _weights(weight: Tensor) -> np.ndarray:
    padding = (0, -len(weight) % _TILE)
    return torch.nn.functional.pad(weight, padding).reshape(-1, _TILE).numpy()


def _sums_of(kernel: Kernel, dtype: np.dtype) -> Any:
    """Give the compiled sum of a kernel, with its constants bound."""
    from zoo_plugin_classical import kernel_sums as sums

    if kernel.bounded:
        bounded = (Kernel.TOPHAT, Kernel.EPANECHNIKOV, Kernel.LINEAR, Kernel.COSINE)
        shape, cosine = bounded.index(kernel), sums.cosine_series(dtype)

        def bounded_sums(
            x: Any, tiles: Any, weights: Any, scratch: Any, own: int, out: Any
        ) -> None:
            sums.bounded_sums(x, tiles, weights, shape, cosine, scratch, own, out)

        return bounded_sums
    rooted = kernel is Kernel.EXPONENTIAL
    series, shift, bias = sums.constants(dtype, 1.0 if rooted else 0.5)
    integer = np.int64 if dtype == np.float64 else np.int32

    def exponential_sums(
        x: Any, tiles: Any, weights: Any, scratch: Any, own: int, out: Any
    ) -> None:
        bits = scratch[1].view(integer)
        sums.exponential_sums(
            x, tiles, weights, rooted, series, shift, bias, scratch, bits, own, out
        )

    return exponential_sums
