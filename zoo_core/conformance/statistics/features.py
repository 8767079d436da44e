"""Features: functions of a row whose means tell one law from another."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.interfaces.space import Space

_PAIRS = 8


def levelled(x: Tensor, space: Space) -> Tensor:
    """Map codes `[n, *shape]` to coordinates between −1 and 1, `[n, d]`."""
    flat = x.reshape(len(x), space.size).double()
    return 2 * (flat + 0.5) / (space.n_levels or 1) - 1


def features(t: Tensor) -> Tensor:
    """Give each coordinate of `t [n, d]`, its square, and products of two, `[n, k]`.

    All are between −1 and 1. Of more than 8 coordinates only neighbours are multiplied.
    """
    d = t.shape[1]
    near = d if d <= _PAIRS else 2
    pairs = [(i, j) for i in range(d) for j in range(i, min(i + near, d))]
    products = [t[:, i] * t[:, j] for i, j in pairs]
    return torch.stack([*t.T, *products], 1) if pairs else t
