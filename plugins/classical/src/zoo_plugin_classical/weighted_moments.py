"""Weighted moments of rows whose entries may be missing: where K distributions start."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def for_everyone(weight: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Give weights in float64 by which a distribution that no row belongs to has all rows."""
    weight = weight.double()
    return torch.where(weight.sum(0) > 0, weight, weight.sum(1, keepdim=True))


def weighted_means(z: Float[Tensor, "n d"], weight: Float[Tensor, "n k"]) -> Float[Tensor, "k d"]:
    """Give the means of known entries; of entries that a distribution lacks, those of all rows.

    An entry that no row knows has the mean 0.
    """
    known, values = (~z.isnan()).double(), z.double().nan_to_num()
    counts, everyone = weight.T @ known, weight.sum(1) @ known
    overall = (weight.sum(1) @ values) / everyone.where(everyone > 0, 1.0)
    # Sums around the overall mean: means far from zero keep their digits.
    own = (weight.T @ (known * (values - overall))) / counts.where(counts > 0, 1.0)
    return overall + own


def weighted_variances(
    z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"], weight: Float[Tensor, "n k"]
) -> Float[Tensor, "k d"]:
    """Give the variances of known entries around means; where there are none, those of all rows.

    An entry that no row knows has the variance 1.
    """
    counts, squares = torch.zeros_like(mean).double(), torch.zeros_like(mean).double()
    for k, centre in enumerate(mean.double()):
        known = ~z.isnan()
        counts[k] = weight[:, k] @ known.double()
        squares[k] = weight[:, k] @ (z.double() - centre).square().nan_to_num()
    everyone = counts.sum(0)
    overall = torch.where(everyone > 0, squares.sum(0) / everyone.where(everyone > 0, 1.0), 1.0)
    return torch.where(counts > 0, squares / counts.where(counts > 0, 1.0), overall)
