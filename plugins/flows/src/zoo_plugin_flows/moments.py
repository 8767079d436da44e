"""Mean and variance of the rows of a batch, over every process that takes part in a step."""

from __future__ import annotations

from typing import Any, final

import torch
import torch.distributed
from jaxtyping import Float
from torch import Tensor


def batch_moments(x: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " d"], Float[Tensor, " d"]]:
    """Give mean and (biased) variance of each feature, the same on every process.

    Differentiable. Centred before squaring, so that a large mean costs no digits.
    """
    count = x.new_full((1,), len(x))
    total = _over_processes(torch.cat((x.sum(0), count)))
    mean = total[:-1] / total[-1]
    return mean, _over_processes((x - mean).square().sum(0)) / total[-1]


def _over_processes(values: Tensor) -> Tensor:
    """Add up over processes, where there are several."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return values
    return _Sum.apply(values)  # pyright: ignore


@final
class _Sum(torch.autograd.Function):
    """The sum over processes: each one's values go into the loss of all, so gradients add up."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """Add up values."""
        del ctx
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Add up gradients."""
        del ctx
        total = gradients[0].clone()
        torch.distributed.all_reduce(total)
        return total
