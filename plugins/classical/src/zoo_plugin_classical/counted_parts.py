"""Counted parts: rows of codes, few enough at a time to stay in a processor's cache."""

from __future__ import annotations

from jaxtyping import Int64
from torch import Tensor

IMPOSSIBLE = 1e-300
"""A count that stands for none, so that its logarithm is a number: about −690 nats."""
_NUMBERS = 2**17


def parts_of(z: Tensor) -> tuple[Int64[Tensor, "n d"], ...]:
    """Cut rows `[n, *shape]` into parts of flat rows; on an accelerator there is one part."""
    flat = z.reshape(len(z), z.shape[1:].numel())
    rows = max(1, _NUMBERS // max(1, flat.shape[1]))
    return flat.split(len(flat) if flat.device.type != "cpu" else rows)
