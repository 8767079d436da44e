"""The kernels of kernel density estimation, by scikit-learn's names: shapes, integrals, draws."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

_TERMS = 25
"""Terms of the cosine's series: the next one is below the last digit of a float64."""


@final
class Kernel(StrEnum):
    """What a row spreads over its surroundings: a function of the distance to it.

    With u the Euclidean distance in bandwidths, a kernel is proportional to exp(−u²/2)
    (gaussian), 1 (tophat), 1 − u² (epanechnikov), exp(−u) (exponential), 1 − u (linear) or
    cos(πu/2) (cosine); tophat, epanechnikov, linear and cosine are 0 beyond u = 1.
    """

    GAUSSIAN = "gaussian"
    TOPHAT = "tophat"
    EPANECHNIKOV = "epanechnikov"
    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    COSINE = "cosine"

    @property
    def bounded(self) -> bool:
        """Whether it is 0 beyond one bandwidth."""
        return self not in (Kernel.GAUSSIAN, Kernel.EXPONENTIAL)

    def log_integral(self, d: int) -> float:
        """Give the log of its integral over d dimensions, with bandwidth 1.

        Silverman 1986, section 4.2.1, has that of the gaussian and the epanechnikov kernel.
        """
        if self is Kernel.GAUSSIAN:
            return d / 2 * math.log(2 * math.pi)
        log_ball = d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)
        if self is Kernel.EXPONENTIAL:
            return log_ball + math.lgamma(d + 1)
        share = {
            Kernel.TOPHAT: 1.0,
            Kernel.EPANECHNIKOV: 2 / (d + 2),
            Kernel.LINEAR: 1 / (d + 1),
            Kernel.COSINE: _cosine_share(d),
        }
        return log_ball + math.log(share[self])

    def log_values(self, squares: Tensor) -> Tensor:
        """Give the log of its values at squared distances in bandwidths; differentiable."""
        if self is Kernel.GAUSSIAN:
            return -squares / 2
        tiny = torch.finfo(squares.dtype).tiny
        if self is Kernel.EXPONENTIAL:
            return -squares.clamp_min(tiny).sqrt()
        inside = squares < 1
        within = torch.where(inside, squares, 0.0)
        values = {
            Kernel.TOPHAT: lambda u2: 1 + 0 * u2,
            Kernel.EPANECHNIKOV: lambda u2: 1 - u2,
            Kernel.LINEAR: lambda u2: 1 - u2.clamp_min(tiny).sqrt(),
            Kernel.COSINE: lambda u2: torch.cos(math.pi / 2 * u2.clamp_min(tiny).sqrt()),
        }
        return values[self](within).clamp_min(tiny).log().masked_fill(~inside, -torch.inf)

    def draw(self, n: int, d: int, rng: torch.Generator, like: Tensor) -> Float[Tensor, "n d"]:
        """Draw n points around 0 with bandwidth 1, exactly: a direction and a distance each."""
        noise = like.new_empty(n, d).normal_(generator=rng)
        if self is Kernel.GAUSSIAN:
            return noise
        return noise / noise.norm(dim=1, keepdim=True) * self._distances(n, d, rng, like)[:, None]

    def _distances(self, n: int, d: int, rng: torch.Generator, like: Tensor) -> Tensor:
        """Draw from the density of u that is proportional to the kernel times u^(d−1).

        A beta variable with parameters a and 2 is V^(1/a) · W^(1/(a+1)) of two uniform ones.
        """

        def power(a: float) -> Tensor:
            return like.new_empty(n).uniform_(generator=rng) ** (1 / a)

        if self is Kernel.TOPHAT:
            return power(d)
        if self is Kernel.EPANECHNIKOV:
            return (power(d / 2) * power(d / 2 + 1)).sqrt()
        if self is Kernel.LINEAR:
            return power(d) * power(d + 1)
        if self is Kernel.EXPONENTIAL:
            return like.new_empty(n, d).exponential_(generator=rng).sum(1)
        return _cosine_distances(n, d, rng, like)


def _cosine_share(d: int) -> float:
    """Give d ∫ cos(πu/2) u^(d−1) du from 0 to 1, the mean of the kernel in the ball, as a series.

    scikit-learn's normalisation of this kernel is right in one dimension only.
    """
    total, term = 0.0, 1.0
    for k in range(_TERMS):
        total += term * d / (d + 2 * k)
        term *= -((math.pi / 2) ** 2) / ((2 * k + 1) * (2 * k + 2))
    return total


def _cosine_distances(n: int, d: int, rng: torch.Generator, like: Tensor) -> Tensor:
    """Draw distances of the linear kernel, and keep each with the chance cos(πu/2) / (π/2 (1−u)).

    At least 2/π of them are kept.
    """
    kept, found = like.new_empty(0), 0
    while found < n:
        u = Kernel.LINEAR._distances(2 * (n - found) + 16, d, rng, like)
        chance = torch.cos(math.pi / 2 * u) / (math.pi / 2 * (1 - u)).clamp_min(1e-30)
        kept = torch.cat([kept, u[torch.rand_like(u.double(), generator=rng) < chance]])
        found = len(kept)
    return kept[:n]
