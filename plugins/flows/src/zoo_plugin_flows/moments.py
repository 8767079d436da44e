"""Mean and variance of the rows of a batch, over every process that takes part in a step."""

from __future__ import annotations

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
    """Add up over processes, where there are several; gradients are added up too."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return values
    from torch.distributed.nn.functional import all_reduce

    return all_reduce(values)
