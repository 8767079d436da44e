"""A compiled pass over rows of normal distributions whose entries are independent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_classical.expectation_pass import ExpectationPass
from zoo_plugin_classical.gaussian_stack import GaussianStack
from zoo_plugin_classical.threads import in_threads, spans


@final
class EntrywisePass(ExpectationPass):
    """Scores and sums by compiled kernels on a CPU, in float64; missing entries count for nothing.

    Scores lie row by row, as a chain of hidden states takes them, and lose no digits wherever the
    rows are.
    """

    def __init__(self, stack: GaussianStack) -> None:
        mean = stack.mean.detach().double()
        variance = stack.covariances.detach().double().diagonal(dim1=1, dim2=2)
        constant = -0.5 * (variance.log() + math.log(2 * math.pi))
        terms = (part.contiguous().numpy() for part in (mean, 0.5 / variance, constant))
        self._centre, self._half, self._constant = terms
        self._total = np.zeros((3, *self._centre.shape))

    def take(self, z: Tensor) -> None:
        """Keep the rows."""
        self._rows = z.reshape(len(z), self._centre.shape[1]).double().contiguous().numpy()

    def score(self) -> Float[Tensor, "n k"]:
        """Give log N(z; mean_k, C_k) of the known entries, in float64."""
        scores = torch.empty(len(self._rows), len(self._centre), dtype=torch.float64)
        self.score_into(scores)
        return scores

    def score_into(self, scores: Float[Tensor, "n k"]) -> None:
        """Write log N(z; mean_k, C_k) of the known entries, where that is float64."""
        from zoo_plugin_classical import entrywise_kernels as kernels

        rows, out = self._rows, scores.numpy()
        centre, half, constant = self._centre, self._half, self._constant

        def work(first: int, last: int) -> None:
            kernels.log_densities(rows, first, last, centre, half, constant, out)

        in_threads(work, spans(len(rows)))

    def count(self, share: Float[Tensor, "n k"]) -> None:
        """Add the shares' weights, sums and sums of squares around the means."""
        from zoo_plugin_classical import entrywise_kernels as kernels

        rows, centre, shares = self._rows, self._centre, share.double().contiguous().numpy()

        def work(first: int, last: int) -> np.ndarray:
            sums = np.zeros_like(self._total)
            kernels.moments(rows, shares, first, last, centre, sums[0], sums[1], sums[2])
            return sums

        for sums in in_threads(work, spans(len(rows))):
            self._total += sums

    def sums(self) -> Mapping[str, Tensor]:
        """Give the statistics that EntrywiseVariance learns from."""
        known, first, second = torch.from_numpy(self._total)
        return {"known": known, "first": first, "second": second}
