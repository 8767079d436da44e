"""Scan: where on each axis a density has its mass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo_core.conformance.statistics.axis import Axis, bounded, log_slope, rows
from zoo_core.conformance.target import Target

_POINTS = {1: 256, 2: 32}
_LOOKS, _DRAWS = 4, 256
_WIDTH = 2.5
"""How many standard deviations an axis maps to where its slope is about 1."""


def axes_of(target: Target, samples: Tensor, rng: torch.Generator) -> tuple[Axis, ...]:
    """Choose an axis for each entry of a floating space.

    Those of bounded entries are given. Of real numbers they are centred by a few looks at the
    density on a coarse grid, each on axes that the look before suggests, begun with the samples
    `[n, d]` if there are any; they cover what the last look and the samples cover both.
    """
    limits = tuple(bounded(entry) for entry in target.space.entry_spaces)
    start = _around(samples) if len(samples) else (Axis(0.0, 3.0, infinite=True),) * len(limits)
    axes = _within(limits, start)
    if None not in limits:
        return axes
    for _ in range(_LOOKS):
        axes = _within(limits, _around(torch.cat([_look(target, axes, rng), samples])))
    return axes


def _within(limits: Sequence[Axis | None], axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Take the axes of bounded entries as they are."""
    return tuple(axis if limit is None else limit for limit, axis in zip(limits, axes, strict=True))


def _look(target: Target, axes: tuple[Axis, ...], rng: torch.Generator) -> Tensor:
    """Give points of a coarse grid's cells, as many as there is mass in each, `[k, d]`."""
    d = len(axes)
    side = (torch.arange(_POINTS[d], dtype=torch.float64) + 0.5) / _POINTS[d] * 2 - 1
    t = torch.cartesian_prod(*[side] * d).reshape(-1, d)
    logs = target.log_prob(rows(t, axes, target.space)) + log_slope(t, axes)
    logs = torch.where(logs.isnan(), -torch.inf, logs.clamp(max=1e300))
    highest = logs.max()
    share = (logs - highest).exp() if bool(highest.isfinite()) else torch.ones_like(logs)
    chosen = t[torch.multinomial(share, _DRAWS, replacement=True, generator=rng)]
    within = (torch.rand(chosen.shape, generator=rng, dtype=t.dtype) - 0.5) * 2 / _POINTS[d]
    return rows(chosen + within, axes, target.space).reshape(_DRAWS, d)


def _around(x: Tensor) -> tuple[Axis, ...]:
    """Centre axes on the middle of points, scaled by how far 2% and 98% quantiles are apart."""
    low, middle, high = torch.quantile(x, torch.tensor([0.02, 0.5, 0.98]).double(), dim=0)
    # 4.1 standard deviations of a normal distribution.
    spread = ((high - low) / 4.1).maximum(1e-9 * (1 + middle.abs()))
    pairs = zip(middle.tolist(), (_WIDTH * spread).tolist(), strict=True)
    return tuple(Axis(centre, scale, infinite=True) for centre, scale in pairs)
