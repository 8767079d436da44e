"""The trace of a Jacobian, exactly or by Hutchinson's estimator, from products v · J v."""

from __future__ import annotations

from enum import StrEnum
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

EXACT_UP_TO = 16
"""Features up to which `auto` computes the trace exactly: the cost grows with them."""


@final
class Trace(StrEnum):
    """How a trace is got.

    `exact`: d products, the sum over the coordinate axes. `hutchinson`: an unbiased estimate from
    random signs, E[v · J v] (Hutchinson 1990; Grathwohl et al. 2019, equation 7). `auto`: exact up
    to 16 features.
    """

    AUTO = "auto"
    EXACT = "exact"
    HUTCHINSON = "hutchinson"

    def resolved(self, features: int) -> Trace:
        """Choose for `auto`."""
        if self is not Trace.AUTO:
            return self
        return Trace.EXACT if features <= EXACT_UP_TO else Trace.HUTCHINSON


def axes(x: Float[Tensor, "n d"]) -> Float[Tensor, "1 d d"]:
    """Give the coordinate axes, the same for each row."""
    return torch.eye(x.shape[1], dtype=x.dtype, device=x.device).unsqueeze(0)


def signs(x: Float[Tensor, "n d"], probes: int, rng: torch.Generator) -> Float[Tensor, "n m d"]:
    """Draw random signs, so many probes a row: the directions of least variance."""
    shape = (len(x), probes, x.shape[1])
    drawn = torch.randint(0, 2, shape, generator=rng, device=x.device)
    return (2 * drawn - 1).to(x.dtype)
