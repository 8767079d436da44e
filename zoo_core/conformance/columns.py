"""Columns: which entries of a row are continuous, and which are codes or counts."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.interfaces.space import Space


def continuous(space: Space) -> Tensor:
    """Mark the entries whose values are real numbers and no codes, `[*shape]`."""
    if space.entries is None:
        return torch.full(space.shape, not space.kind.discrete)
    return torch.tensor([not entry.kind.discrete for entry in space.entries])


def is_continuous(space: Space) -> bool:
    """Say whether any entry is a real number, so that a density has a gradient."""
    return bool(continuous(space).any())


def is_all_continuous(space: Space) -> bool:
    """Say whether every entry is a real number."""
    return bool(continuous(space).all())
