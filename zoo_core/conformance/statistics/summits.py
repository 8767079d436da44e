"""Summits: points where a log-density is highest around, and the panels made to fit them."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.conformance.statistics.panels import Panels, Score

_SUMMITS, _HALVINGS = 32, 24
_ROUGH = 0.1
"""Relative doubt about a box's mass, above which it is halved."""
_CLIFF = 3.0
"""Nats by which a point stands out from a box's nodes, so that they miss what is there."""


def climbed(panels: Panels, score: Score, samples: Tensor) -> Panels:
    """Halve the boxes of a tiling around summits until their nodes see them.

    The summits are nodes that are no lower than their neighbours, and the highest of the samples
    `[n, d]` in each box, wherever they are however little mass is seen there.
    """
    points = _best(panels, samples, score)
    for _ in range(_HALVINGS * panels.low.shape[1]):
        which = panels.holding(points)
        heights, nodes = panels.log_density[which].max(1)
        own = score(points)
        hidden = own > heights + _CLIFF
        roughness = panels.roughness(which)
        sides = (panels.high - panels.low)[which].T
        direction = torch.where(hidden, sides.argmax(0), roughness.argmax(0))
        rough = hidden | (roughness.amax(0) > _ROUGH)
        if not bool(rough.any()):
            break
        moved = heights > own
        points = torch.where(moved[:, None], panels.t[which, nodes], points)
        boxes = dict(zip(which[rough].tolist(), direction[rough].tolist(), strict=True))
        panels = panels.split(torch.tensor(list(boxes)), torch.tensor(list(boxes.values())), score)
    return panels


def _best(panels: Panels, samples: Tensor, score: Score) -> Tensor:
    """Give the highest local maxima among the nodes, and the highest samples, one a box."""
    found = _local_maxima(panels)[:_SUMMITS]
    if not len(samples):
        return found
    ascending = samples[score(samples).argsort()]
    boxes = panels.holding(ascending).tolist()
    highest = {box: place for place, box in enumerate(boxes)}
    return torch.cat([found, ascending[sorted(highest.values())[-_SUMMITS:]]])


def _local_maxima(panels: Panels) -> Tensor:
    """Give the nodes of a tiling that are higher than their neighbours, `[s, d]`, highest first."""
    d = panels.low.shape[1]
    breaks = round(len(panels.low) ** (1 / d))
    side = round(panels.log_density.shape[1] ** (1 / d))
    grid = panels.log_density.reshape(*[breaks] * d, *[side] * d).clamp_min(-1e300)
    t = panels.t.reshape(*[breaks] * d, *[side] * d, d)
    # The last node of a box is the first of the next one.
    inner = (..., *[slice(side - 1)] * d)
    grid, t = grid[inner], t[(*inner, slice(None))]
    order = [place for pair in zip(range(d), range(d, 2 * d), strict=True) for place in pair]
    grid, t = grid.permute(order), t.permute(*order, 2 * d)
    grid = grid.reshape(1, *[breaks * (side - 1)] * d)
    pool = torch.nn.functional.max_pool1d if d == 1 else torch.nn.functional.max_pool2d
    highest = (pool(grid, 3, stride=1, padding=1) == grid) & (grid > -1e300)
    points, heights = t.reshape(-1, d)[highest.flatten()], grid[highest]
    return points[heights.argsort(descending=True)]
