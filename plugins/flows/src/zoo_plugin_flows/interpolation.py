"""Ways between two points of noise."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor


@final
class Interpolation(StrEnum):
    """`linear`: straight, and between angles the shorter way round. `spherical`: along an arc.

    Normal noise of many dimensions lies near a sphere, which a straight way leaves: its middle is
    typical of nothing (White 2016, arXiv:1609.04468).
    """

    LINEAR = "linear"
    SPHERICAL = "spherical"


def straight(start: Float[Tensor, " d"], end: Float[Tensor, " d"], steps: int) -> Tensor:
    """Give `steps` points from start to end, both included, [steps, d]."""
    t = torch.linspace(0, 1, steps, dtype=start.dtype, device=start.device).unsqueeze(1)
    return torch.lerp(start, end, t)


def round_circles(start: Float[Tensor, " d"], end: Float[Tensor, " d"], steps: int) -> Tensor:
    """Give points along the shorter arc of each angle, between −π and π, [steps, d]."""
    return wrapped(straight(start, start + wrapped(end - start), steps))


def along_sphere(start: Float[Tensor, " d"], end: Float[Tensor, " d"], steps: int) -> Tensor:
    """Give points whose directions follow the great arc at even angles, [steps, d].

    Directions are (sin((1−t)ω) a + sin(tω) b) / sin ω of the ends' a and b, ω the angle between
    them (Shoemake 1985, section 3.3); lengths go evenly from one to the other. Straight where ω
    is near 0 or π, where no arc is the shortest.
    """
    lengths = torch.stack((start.norm(), end.norm()))
    angle = (torch.dot(start, end) / lengths.prod()).clamp(-1, 1).acos()
    if not bool(angle.sin() > 1e-4):
        return straight(start, end, steps)
    t = torch.linspace(0, 1, steps, dtype=start.dtype, device=start.device).unsqueeze(1)
    directions = ((1 - t) * angle).sin() * start / lengths[0] + (t * angle).sin() * end / lengths[1]
    return directions / angle.sin() * torch.lerp(lengths[0], lengths[1], t)


def wrapped(angle: Tensor) -> Tensor:
    """Give the same angles between −π and π."""
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
