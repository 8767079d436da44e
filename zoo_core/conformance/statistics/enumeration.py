"""Enumeration: every row of a discrete space, where they can be listed."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.conformance.target import Target
from zoo_core.interfaces.space import Space

MOST = 100_000
"""How many rows are listed at most."""

_CHUNK = 20_000


def enumerable(space: Space) -> bool:
    """Say whether a space is discrete and has few enough rows."""
    return space.n_levels is not None and space.n_levels**space.size <= MOST


def every_row(space: Space) -> Tensor:
    """Give every row of a discrete space, `[k, *shape]`, the last entry changing first."""
    levels = space.n_levels or 1
    number = torch.arange(levels**space.size)
    places = [number // levels**power % levels for power in reversed(range(space.size))]
    flat = torch.stack(places, 1) if places else number[:, None][:, :0]
    return flat.reshape(len(number), *space.shape)


def number_of(x: Tensor, space: Space) -> Tensor:
    """Give the place of each row `x [n, *shape]` in `every_row`."""
    found = torch.zeros(len(x), dtype=torch.int64)
    for column in x.reshape(len(x), space.size).T:
        found = found * (space.n_levels or 1) + column
    return found


def masses(target: Target) -> Tensor:
    """Give log_prob of every row of a discrete space, in nats, `[k]`."""
    rows = every_row(target.space)
    return torch.cat([target.log_prob(chunk) for chunk in rows.split(_CHUNK)])
