"""Fidelity and diversity of samples by nearest neighbours of features."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from zoo_plugin_evaluation.figure import Figure, ratio, share
from zoo_plugin_evaluation.neighbours import balls_around, radii


def precision(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 3) -> Figure:
    """Give the share of samples that lie within the manifold of the data.

    The manifold is the union of balls around the rows, each up to its k-th neighbour
    (Kynkäänniemi et al. 2019, eqs. 1 and 2). The standard error is the binomial one, the manifold
    taken as given.
    """
    inside, _ = balls_around(fake, real, radii(real, k))
    return share(inside > 0)


def recall(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 3) -> Figure:
    """Give the share of the data's rows that lie within the manifold of the samples.

    Precision with the sides exchanged (Kynkäänniemi et al. 2019, eq. 2).
    """
    return precision(fake, real, k)


def density(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 5) -> Figure:
    """Give in how many of the data's balls a sample lies on average, divided by k.

    Its expectation is 1 where samples are like data; it may exceed 1 (Naeem et al. 2020).
    """
    inside, _ = balls_around(fake, real, radii(real, k))
    return ratio(inside / k)


def coverage(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 5) -> Figure:
    """Give the share of the data's balls that hold a sample (Naeem et al. 2020)."""
    _, occupied = balls_around(fake, real, radii(real, k))
    return share(occupied)
