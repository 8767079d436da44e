"""Nearest neighbours by brute force, in float64 and in bounded memory."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo_core.errors import UnsupportedError

_CELLS = 2**21
"""So many distances are held at once."""


def _chunks(x: Tensor, others: int) -> tuple[Tensor, ...]:
    return x.double().split(max(1, _CELLS // max(others, 1)))


def nearest(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, " n"]:
    """Give the Euclidean distance of each row of x to its nearest row of y.

    Distances are those of the differences themselves, so that of a copy is exactly 0.
    """
    y = y.double()
    found = []
    for chunk in _chunks(x, len(y)):
        closest = torch.cdist(chunk, y).argmin(1)
        found.append((chunk - y[closest]).norm(dim=1))
    return torch.cat(found)


def radii(x: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """Give the distance of each row to its k-th nearest other row.

    Raises UnsupportedError for n ≤ k.
    """
    if len(x) <= k:
        raise UnsupportedError(
            f"{k} neighbours need more than {k} rows",
            received=f"{len(x)} rows",
            remedy="Give more rows, or a smaller option neighbours.",
        )
    everything, found, start = x.double(), [], 0
    for chunk in _chunks(x, len(x)):
        distances = torch.cdist(chunk, everything)
        own = torch.arange(start, start + len(chunk))
        distances[torch.arange(len(chunk)), own] = torch.inf
        found.append(distances.topk(k, largest=False).values[:, -1])
        start += len(chunk)
    return torch.cat(found)


def balls_around(
    x: Float[Tensor, "n d"], centres: Float[Tensor, "m d"], radius: Float[Tensor, " m"]
) -> tuple[Float[Tensor, " n"], Bool[Tensor, " m"]]:
    """Count in how many balls around `centres` each row of x lies, and mark balls that hold any."""
    centres, inside = centres.double(), []
    occupied = torch.zeros(len(centres), dtype=torch.bool)
    for chunk in _chunks(x, len(centres)):
        within = torch.cdist(chunk, centres) <= radius
        inside.append(within.sum(1).double())
        occupied |= within.any(0)
    return torch.cat(inside), occupied
