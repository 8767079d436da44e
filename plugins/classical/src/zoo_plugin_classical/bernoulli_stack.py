"""BernoulliStack: K distributions of independent zeros and ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from zoo_core.interfaces.space import Space
from zoo_plugin_classical.counted_parts import IMPOSSIBLE, parts_of
from zoo_plugin_classical.entrywise_stack import CountedStack


@final
class BernoulliStack(CountedStack):
    """p_k(x) = Π_j p_kj^{x_j} (1 − p_kj)^{1 − x_j}; the parameters are log-odds `[K, d]`.

    `alpha` is added to the counts of ones and of zeros, which is the most probable p under the
    prior Beta(1 + α, 1 + α) (Murphy 2012, section 3.5.1.2). With alpha 0 that of the likelihood:
    what was never seen is then as good as impossible, and what no row tells about stays.
    """

    def __init__(self, k: int, space: Space, alpha: float) -> None:
        super().__init__()
        self.k, self.shape, self.alpha = k, space.shape, alpha
        self.logits = nn.Parameter(torch.randn(k, space.size))

    @property
    def free_parameters(self) -> int:
        """One an entry and distribution."""
        return self.logits.numel()

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The weights of ones and of known entries, `[K, d]` each."""
        shape = tuple(self.logits.shape)
        return {"ones": shape, "known": shape}

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give Σ_j log p_k(x_j) over the known entries, in nats, by products of matrices."""
        zero = logsigmoid(-self.logits)
        return torch.cat([self._log_prob(part, zero) for part in parts_of(z)])

    def _log_prob(self, z: Int64[Tensor, "n d"], zero: Tensor) -> Tensor:
        missing = z < 0
        ones = z.clamp_min(0).to(zero.dtype) @ self.logits.T
        if not bool(missing.any()):
            return ones + zero.sum(1)
        return ones + (~missing).to(zero.dtype) @ zero.T

    def sample_each(
        self, which: Int64[Tensor, " n"], rng: torch.Generator
    ) -> Int64[Tensor, "n ..."]:
        """Draw a row of each distribution that is asked for."""
        chances = self.logits.sigmoid()[which]
        drawn = torch.bernoulli(chances, generator=rng).long()
        return drawn.reshape(len(which), *self.shape)

    def mean_each(self) -> Float[Tensor, "k d"]:
        """Give the probabilities of ones."""
        return self.logits.sigmoid()

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give the weights of ones and of known entries, `[K, d]` each, in float64."""
        shape = (self.k, self.logits.shape[1])
        ones, known = z.new_zeros(2, *shape, dtype=torch.float64)
        start = 0
        for part in parts_of(z):
            share = weight[start : start + len(part)].double().T
            ones += share @ part.clamp_min(0).double()
            known += share @ (part >= 0).double()
            start += len(part)
        return {"ones": ones, "known": known}

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set log-odds from counts; with alpha 0, an entry that no row knows keeps its own."""
        ones, zeros = stats["ones"] + self.alpha, stats["known"] - stats["ones"] + self.alpha
        logits = ones.clamp_min(IMPOSSIBLE).log() - zeros.clamp_min(IMPOSSIBLE).log()
        told = stats["known"] + self.alpha > 0
        self.logits.copy_(torch.where(told, logits, self.logits.double()))

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set log-odds from weighted rows; of what no row tells about, to 0."""
        self.logits.zero_()
        self.update(self.statistics_each(z, weight))

    def log_prior(self) -> Float[Tensor, ""]:
        """Give α Σ (log p + log (1 − p))."""
        return self.alpha * (logsigmoid(self.logits) + logsigmoid(-self.logits)).sum()

    def log_likelihood(self, stats: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """Give the log-likelihood of the rows that statistics are of, in nats."""
        logits = self.logits.double()
        ones, zeros = stats["ones"], stats["known"] - stats["ones"]
        return (ones * logsigmoid(logits) + zeros * logsigmoid(-logits)).sum()
