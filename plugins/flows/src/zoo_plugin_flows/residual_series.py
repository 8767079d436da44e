"""The log-determinant of a residual map, x + g(x), from the Jacobian of its contraction g."""

from __future__ import annotations

from enum import StrEnum
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_flows.jacobians import Jacobians
from zoo_plugin_flows.trace import EXACT_UP_TO, axes, signs


@final
class LogDeterminant(StrEnum):
    """How log |det (I + J)| is got.

    `exact`: from the whole Jacobian. `series`: an unbiased estimate from a power series. `auto`:
    exact up to 16 features.
    """

    AUTO = "auto"
    EXACT = "exact"
    SERIES = "series"

    def resolved(self, features: int) -> LogDeterminant:
        """Choose for `auto`."""
        if self is not LogDeterminant.AUTO:
            return self
        return LogDeterminant.EXACT if features <= EXACT_UP_TO else LogDeterminant.SERIES


def exact_log_det(jacobians: Jacobians, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Give log |det (I + J)| at each row, by d products and an LU factorisation."""
    # A matrix and its transpose have one determinant.
    return torch.linalg.slogdet(axes(x) + jacobians.transposed())[1]


def series_log_det(
    jacobians: Jacobians,
    x: Float[Tensor, "n d"],
    rate: float,
    terms: int,
    probes: int,
    rng: torch.Generator,
) -> Float[Tensor, " n"]:
    """Estimate log |det (I + J)| = Σ (−1)ᵏ⁺¹ tr(Jᵏ)/k at each row, without bias.

    Residual flows, Chen et al. 2019 (arXiv:1906.02735), theorem 1: after `terms` terms each
    further one is reached with probability `rate` and divided by that of being reached; traces
    are Hutchinson's over `probes` random signs. As the k-th trace falls like rateᵏ, the variance
    is finite. Rows have lengths and signs of their own, hence independent errors.
    """
    tails = _tails(len(x), rate, rng, x.device)
    tails, order = tails.sort(descending=True)
    jacobians = jacobians.at(order)
    start = power = signs(x, probes, rng)
    total = x.new_zeros(len(x))
    for k in range(1, terms + int(tails[0]) + 1):
        active = int((terms + tails >= k).sum())
        power = jacobians.times(power[:active])
        trace = (start[:active] * power).sum(-1).mean(-1)
        weight = (-1) ** (k + 1) / (k * rate ** max(0, k - terms))
        total = total + torch.nn.functional.pad(weight * trace, (0, len(x) - active))
    return total[order.argsort()]


def _tails(n: int, rate: float, rng: torch.Generator, device: torch.device) -> Tensor:
    """Draw whole numbers k with P(at least k) = rateᵏ."""
    uniform = 1 - torch.rand(n, generator=rng, device=device, dtype=torch.float64)
    return (uniform.log() / torch.tensor(rate, dtype=torch.float64).log()).floor().long()
