"""Scan: where on each axis a density has its mass."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.conformance.statistics.axis import Axis, bounded
from zoo_core.conformance.target import Target

_POINTS = {1: 256, 2: 32}
_LOOKS, _SAMPLES = 4, 256
_WIDTH = 2.5
"""How many standard deviations an axis maps to where its slope is about 1."""


def axes_of(target: Target, rng: torch.Generator) -> tuple[Axis, ...]:
    """Choose an axis for each entry of a floating space.

    Of real numbers they are centred by a few looks at the density on a coarse grid, each on axes
    that the look before suggests, begun with samples where there are any; they cover what
    the last look and the samples cover both.
    """
    d, limits = target.space.size, bounded(target.space)
    if limits is not None:
        return (limits,) * d
    samples = _samples(target, rng)
    axes = (Axis(0.0, 3.0, infinite=True),) * d if samples is None else _around(samples)
    for _ in range(_LOOKS):
        seen = _look(target, axes)
        axes = _around(seen if samples is None else torch.cat([seen, samples]))
    return axes


def _samples(target: Target, rng: torch.Generator) -> Tensor | None:
    if target.sample is None:
        return None
    x = target.sample(_SAMPLES, rng).reshape(_SAMPLES, -1).double()
    return x[x.isfinite().all(1)] if bool(x.isfinite().all(1).any()) else None


def _look(target: Target, axes: tuple[Axis, ...]) -> Tensor:
    """Give points on a coarse grid, as often as there is mass around them, `[k, d]`."""
    d = len(axes)
    side = (torch.arange(_POINTS[d], dtype=torch.float64) + 0.5) / _POINTS[d] * 2 - 1
    t = torch.cartesian_prod(*[side] * d).reshape(-1, d)
    x = torch.stack([axis.value(column) for axis, column in zip(axes, t.T, strict=True)], 1)
    slope = torch.stack([axis.log_slope(c) for axis, c in zip(axes, t.T, strict=True)]).sum(0)
    logs = target.log_prob(x.reshape(-1, *target.space.shape)) + slope
    logs = torch.where(logs.isnan(), -torch.inf, logs.clamp(max=1e300))
    if not bool(logs.isfinite().any()):
        return x
    share = (logs - logs.max()).exp().cumsum(0)
    # Equally spaced quantiles along the grid stand for draws.
    places = (torch.arange(_SAMPLES, dtype=torch.float64) + 0.5) / _SAMPLES * share[-1]
    return x[torch.searchsorted(share, places).clamp(max=len(x) - 1)]


def _around(x: Tensor) -> tuple[Axis, ...]:
    """Centre axes on the middle of points, scaled by how far its 5% and 95% quantiles are apart."""
    low, middle, high = torch.quantile(x, torch.tensor([0.05, 0.5, 0.95]).double(), dim=0)
    # ±1.64 standard deviations of a normal distribution.
    spread = ((high - low) / 3.3).clamp_min(1e-3 * (1 + middle.abs()) * 1e-3)
    pairs = zip(middle.tolist(), (_WIDTH * spread).tolist(), strict=True)
    return tuple(Axis(centre, scale, infinite=True) for centre, scale in pairs)
