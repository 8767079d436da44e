"""Limits: whether all numbers of a tensor are allowed, in one pass over memory.

A check of a million rows takes as long as reading them. What is said is yes, or not sure: who
isn't sure looks at each number, to name the wrong one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_CHUNK = 2**16
"""How many numbers are looked at together where it takes several steps: they stay in the cache."""


@torch.no_grad()
def surely_within(x: Tensor, low: float, high: float, *, missing: bool) -> bool:
    """Say whether all numbers are finite and between low and high, or NaN where they may be."""
    if not x.numel():
        return True
    bounded = math.isfinite(low) and math.isfinite(high)
    if x.is_floating_point() and not bounded:
        # A sum is finite only if all its terms are.
        return math.isfinite(x.nansum() if missing else x.sum())
    if missing and x.is_floating_point():
        middle = 0.5 * (low + high)
        ends = [torch.stack(c.nan_to_num(middle).aminmax()) for c in _chunks(x.reshape(-1))]
        least, most = torch.stack(ends).unbind(1)
        return bool((least >= low).all() and (most <= high).all())
    least, most = x.aminmax()
    return bool(least >= low) and bool(most <= high)


@torch.no_grad()
def columns_surely_within(
    x: Tensor,
    low: Sequence[float],
    high: Sequence[float],
    whole: Sequence[bool],
    *,
    missing: bool,
) -> bool:
    """Say whether each column of a floating table `[n, d]` is finite and between its bounds.

    `whole` marks columns of whole numbers. 0 lies between all bounds, and stands for NaN where
    numbers may be missing.
    """
    least, most = x.new_tensor(low), x.new_tensor(high)
    fraction = torch.tensor(whole, device=x.device)
    for chunk in _chunks(x):
        there = chunk.nan_to_num(0.0, math.inf, -math.inf) if missing else chunk
        lowest, highest = there.amin(0), there.amax(0)
        inside = (lowest >= least) & (highest <= most) & lowest.isfinite() & highest.isfinite()
        broken = fraction & ((there - there.round()) != 0).any(0)
        if not bool((inside & ~broken).all()):
            return False
    return True


@torch.no_grad()
def as_codes(x: Tensor, *, missing: bool) -> Tensor | None:
    """Give whole numbers held as floats as int64; None where there are others.

    NaN becomes −1 where numbers may be missing.
    """
    codes = torch.empty(x.shape, dtype=torch.int64, device=x.device)
    for chunk, place in zip(_chunks(x.reshape(-1)), _chunks(codes.view(-1)), strict=True):
        numbers = chunk.nan_to_num(-1.0, math.inf, -math.inf) if missing else chunk
        place.copy_(numbers)
        # What is too large for int64 becomes another number.
        if not torch.equal(place.to(numbers.dtype), numbers):
            return None
    return codes


def _chunks(x: Tensor) -> Sequence[Tensor]:
    rows = max(1, _CHUNK * len(x) // x.numel()) if x.numel() else 1
    return x.split(rows)
