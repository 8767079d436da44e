"""The area under the ROC curve, with its standard error."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_plugin_evaluation.figure import Figure


def auc(positive: Float[Tensor, " n"], negative: Float[Tensor, " m"]) -> Figure:
    """Give the probability that a positive score exceeds a negative one, ties counting half.

    The standard error is that of DeLong et al. (1988), by the sorted way of Sun & Xu
    (2014). Raises UnsupportedError for fewer than two scores a side.
    """
    n, m = len(positive), len(negative)
    if min(n, m) < 2:
        raise UnsupportedError(
            "An area under a curve needs two scores a side", received=f"{n} and {m}"
        )
    above, below = _placements(positive, negative), 1 - _placements(negative, positive)
    error = (above.var() / n + below.var() / m).sqrt()
    return Figure(float(above.mean()), float(error), n + m)


def _placements(scores: Tensor, others: Tensor) -> Tensor:
    """Give the share of the others that each score exceeds, ties counting half."""
    others = others.sort().values.contiguous()
    scores = scores.contiguous()
    low = torch.searchsorted(others, scores)
    high = torch.searchsorted(others, scores, right=True)
    return (low + high).double() / (2 * len(others))
