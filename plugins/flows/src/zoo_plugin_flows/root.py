"""Roots of many increasing functions of one variable at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

_STEPS = 100


@torch.no_grad()
def increasing_root(
    function: Callable[[Tensor], tuple[Tensor, Tensor]],
    low: Float[Tensor, "*shape"],
    high: Float[Tensor, "*shape"],
) -> Float[Tensor, "*shape"]:
    """Find where increasing functions are zero, each between its own bounds.

    function: gives values and slopes. Newton's method, with a bisection wherever a step leaves
    the bracket or gains less than half (Press et al., Numerical Recipes, section 9.4). The error
    is a few units of the last place of 1 + |root|, unless the slope vanishes there. Not
    differentiable.
    """
    tolerance = 4 * torch.finfo(low.dtype).eps
    root = 0.5 * (low + high)
    before = high - low
    for _ in range(_STEPS):
        value, slope = function(root)
        low, high = torch.where(value < 0, root, low), torch.where(value < 0, high, root)
        newton = root - value / slope
        sound = (newton >= low) & (newton <= high) & ((2 * value).abs() <= (before * slope).abs())
        following = torch.where(sound, newton, 0.5 * (low + high))
        before = following - root
        root = following
        if bool((before.abs() <= tolerance * (1 + root.abs())).all()):
            break
    return root
