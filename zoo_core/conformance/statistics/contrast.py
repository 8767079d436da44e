"""Contrast: samples of a density among those of a proposal, told apart by the density alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from zoo_core.conformance.statistics import fit
from zoo_core.conformance.statistics.features import features
from zoo_core.conformance.statistics.proposal import fitted
from zoo_core.conformance.target import Target
from zoo_core.errors import ConformanceError

_FITTED = 2048
_BINS, _FEWEST = 16, 10.0
_RARE, _OVERLAP = 0.01, 0.01


@final
@dataclass(frozen=True, eq=False)
class Contrast:
    """Rows of which each was drawn, as a coin fell, from a density p or from a proposal q.

    Given the rows, the coins `drawn [n]` are independent and fell to p with probability
    `share = p / (p + q)` [n], if p is normalised and the samples follow it: the labels of
    noise-contrastive estimation (Gutmann & Hyvärinen 2012). Summed, it is the identity of
    bridge sampling with the bridge 1/(p + q) (Meng & Wong 1996), all terms bounded.
    """

    t: Tensor
    log_prob: Tensor
    share: Tensor
    drawn: Tensor

    @staticmethod
    def of(target: Target, n: int, rng: torch.Generator) -> Contrast:
        """Fit a proposal to some samples, then throw n coins. The target has a sampler."""
        sample = target.sample
        if sample is None:
            raise TypeError("a Contrast needs a sampler")
        proposal = fitted(_finite(sample(_FITTED, rng)), target.space)
        drawn = torch.rand(n, generator=rng) < 0.5
        own = _finite(sample(max(int(drawn.sum()), 1), rng))[: int(drawn.sum())]
        x = proposal.sample(n, rng).to(own.dtype)
        x[drawn] = own
        log_prob, log_q = target.log_prob(x), proposal.log_prob(x)
        return Contrast(_coordinates(x), log_prob, (log_prob - log_q).sigmoid(), drawn.double())

    @property
    def telling(self) -> bool:
        """Whether enough coins could have fallen either way; p = q is the best that there is."""
        return float(4 * self._variance.mean()) >= _OVERLAP

    def normalisation(self) -> float:
        """Test that as many rows came from p as its normalised density says; both tails.

        Where the coins can't tell much it is Hoeffding's bound (1963, theorem 2), which takes
        nothing for granted, and catches a density that is off by orders of magnitude.
        """
        if self.telling:
            return self._calibrated(torch.ones_like(self.share)[:, None])
        gap = float((self.drawn - self.share).sum())
        return min(1.0, 2 * math.exp(-2 * gap**2 / len(self.share)))

    def p_values(self) -> dict[str, float]:
        """Test that the samples follow the density, in several ways.

        By how many there are, among rows of like density, at rows where the density says there
        are hardly any, by the mean log-density, and by moments.
        """
        if not self.telling:
            return {"normalisation": self.normalisation(), "rare rows": self._rare()}
        level = _ranks(self.log_prob)
        return {
            "normalisation": self.normalisation(),
            "levels": self._calibrated(self._binned(level)),
            "rare rows": self._rare(),
            "log density": self._calibrated(level[:, None]),
            "moments": self._calibrated(features(self.t)),
        }

    @property
    def _variance(self) -> Tensor:
        return self.share * (1 - self.share)

    def _calibrated(self, h: Tensor) -> float:
        """Test Σ h (drawn − share) = 0 for functions `h [n, k]` of the rows."""
        total = h.T @ (self.drawn - self.share)
        return fit.quadratic(total, h.T @ (self._variance[:, None] * h))

    def _binned(self, level: Tensor) -> Tensor:
        """Give indicators of levels, each with enough coins that can fall either way."""
        order = level.argsort()
        held = self._variance[order].cumsum(0)
        count = max(1, min(_BINS, int(held[-1] / _FEWEST)))
        number = (held / held[-1].clamp_min(1e-300) * count).long().clamp(0, count - 1)
        found = torch.empty_like(number)
        found[order] = number
        return torch.nn.functional.one_hot(found, count).double()

    def _rare(self) -> float:
        """Bound the probability of so many draws from p where it says there are hardly any.

        Chernoff's bound for a sum of independent coins: exp(k − λ) (λ/k)^k.
        """
        rare = self.share < _RARE
        expected, count = float(self.share[rare].sum()), float(self.drawn[rare].sum())
        if count <= expected:
            return 1.0
        ratio = max(expected, 1e-300) / count
        return math.exp(min(0.0, count * (1 - ratio + math.log(ratio))))


def _finite(x: Tensor) -> Tensor:
    if not bool(x.isfinite().all()):
        raise ConformanceError("Samples are finite numbers", received="NaN or infinity")
    return x


def _coordinates(x: Tensor) -> Tensor:
    """Give each entry's rank among all rows, between −1 and 1, `[n, d]`."""
    return torch.stack([_ranks(column) for column in x.reshape(len(x), -1).double().T], 1)


def _ranks(x: Tensor) -> Tensor:
    """Give ranks `[n]` between −1 and 1, the mean of those that are equal."""
    _, number, count = x.unique(return_inverse=True, return_counts=True)
    last = count.cumsum(0)
    return ((2 * last - count).double() / len(x) - 1)[number]
