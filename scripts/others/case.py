"""Case: one density of another library, trained a little and ready to be checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.space import Space

ROWS, STEPS = 256, 150


@final
@dataclass(frozen=True, eq=False)
class Case:
    """A density: whose it is, its name there, its functions, its space, and what it claims."""

    library: str
    name: str
    log_prob: Callable[[Tensor], Tensor]
    sample: Callable[[int], Tensor] | None
    space: Space
    kind: DensityKind = DensityKind.EXACT


def moons(n: int = ROWS, seed: int = 0) -> Tensor:
    """Draw two interleaved half circles with noise."""
    rng = torch.Generator().manual_seed(seed)
    angle = np.pi * torch.rand(n, generator=rng)
    upper = torch.rand(n, generator=rng) < 0.5
    x = torch.where(upper, angle.cos(), 1 - angle.cos())
    y = torch.where(upper, angle.sin(), 0.5 - angle.sin())
    noise = 0.1 * torch.randn(n, 2, generator=rng)
    return torch.stack([x - 0.5, y - 0.25], 1).double() + noise


def trained(
    parameters: Iterable[nn.Parameter], loss: Callable[[Tensor], Tensor], x: Tensor | None = None
) -> None:
    """Take some of Adam's steps, so that the model isn't what it was built as."""
    optimizer = torch.optim.Adam(list(parameters), lr=5e-3)
    x = moons() if x is None else x
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss(x).mean().backward()
        optimizer.step()


def of_arrays(function: Callable[[Any], Any]) -> Callable[[Tensor], Tensor]:
    """Make a function of arrays one of tensors."""
    return lambda x: torch.as_tensor(np.asarray(function(x.numpy())), dtype=torch.float64)
