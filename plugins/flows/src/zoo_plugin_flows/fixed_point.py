"""Fixed points of contractions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import ZooError


@final
class ConvergenceError(ZooError, RuntimeError):
    """An iteration doesn't come to rest."""


@torch.no_grad()
def fixed_point(
    step: Callable[[Tensor], Tensor], start: Float[Tensor, "n d"], rate: float
) -> Float[Tensor, "n d"]:
    """Repeat a step until no entry x moves by more than ten units of the last place of 1 + |x|.

    rate: what the step multiplies distances by, at most; below 1 Banach's theorem promises the
    fixed point, within rate/(1 − rate) times the last move. Raises ConvergenceError where that
    takes twice as many steps as the rate promises. Not differentiable.
    """
    tolerance = 10 * torch.finfo(start.dtype).eps
    limit = 20 + 2 * math.ceil(math.log(tolerance) / math.log(rate))
    x = before = start
    for _ in range(limit):
        x, before = step(x), x
        if bool(((x - before).abs() <= tolerance * (1 + x.abs())).all()):
            return x
    raise ConvergenceError(
        f"A map that brings points together by {rate:g} comes to rest within {limit} steps",
        received=f"moves of {float((x - before).abs().max()):.3g} after them",
        remedy="Call eval() on the model, where the rate is certain, and look for infinite values.",
    )
