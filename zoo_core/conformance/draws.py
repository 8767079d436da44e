"""Draws: rows of any space that no model made, to score, to fit and to condition on."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Kind, Space

LENGTH = 3
"""How many steps a sequence has where a check chooses."""


def draw(space: Space, n: int, rng: torch.Generator) -> Tensor | Ragged:
    """Draw n rows of a space: sequences of LENGTH steps where it is ragged.

    They are far from what an untrained model makes: real numbers are of two unequal clusters,
    codes are unequally frequent. None is missing.
    """
    if space.ragged:
        steps = _rows(space, n * LENGTH, rng)
        return Ragged(steps, torch.full((n,), LENGTH))
    return _rows(space, n, rng)


def _rows(space: Space, n: int, rng: torch.Generator) -> Tensor:
    shape = (n, *space.shape)
    if space.n_levels is not None:
        # The maximum of two: the higher the code, the more frequent.
        pair = torch.randint(space.n_levels, (2, *shape), generator=rng)
        return pair.amax(0)
    if space.kind is Kind.UNIT:
        return 0.02 + 0.96 * torch.rand(shape, generator=rng).square()
    cluster = torch.rand(n, generator=rng) < 0.3
    centre = torch.where(cluster, -1.5, 0.5).reshape(n, *[1] * len(space.shape))
    x = centre + 0.5 * torch.randn(shape, generator=rng)
    return x.clamp(-3.1, 3.1) if space.kind is Kind.ANGLE else x
