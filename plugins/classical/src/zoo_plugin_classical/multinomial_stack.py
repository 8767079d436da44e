"""MultinomialStack: K distributions of counts whose total has the same law."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo_core.interfaces.space import Space
from zoo_plugin_classical.count_densities import log_ratios
from zoo_plugin_classical.count_sums import count_sums, log_factorials
from zoo_plugin_classical.counted_parts import IMPOSSIBLE, parts_of
from zoo_plugin_classical.entrywise_stack import CountedStack

_STEPS, _SETTLED = 1000, 1e-12
"""How many steps missing counts are expected in, and the relative change that ends them."""


@final
class MultinomialStack(CountedStack):
    """Counts of multinomial shares θ_k and a Poisson total: independent Poissons of rate λ θ_kj.

    log p_k(x) = Σ_j x_j log(λ θ_kj) − λ θ_kj − log x_j!, that is McCallum & Nigam 1998, eq. 3, with
    a Poisson distribution of the length, the same for all k. So a missing count is summed out by
    leaving it out. `alpha` is added to the counts that θ is learnt from, which is the most
    probable θ under the prior Dirichlet(1 + α, …, 1 + α); λ has none.
    """

    def __init__(self, k: int, space: Space, alpha: float) -> None:
        super().__init__()
        self.k, self.shape, self.alpha = k, space.shape, alpha
        self.log_total = nn.Parameter(torch.tensor(float(space.size)).log())
        self.logits = nn.Parameter(0.3 * torch.randn(k, space.size))

    @property
    def free_parameters(self) -> int:
        """One less than there are entries, a distribution; and the mean total."""
        return self.logits.numel() - self.k + 1

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The counts and the weight in which they were known, that of rows, and Σ log x!."""
        shape = tuple(self.logits.shape)
        return {"events": shape, "known": shape, "exposure": (self.k,), "factorials": ()}

    @property
    def log_rate(self) -> Float[Tensor, "k d"]:
        """The logarithms of the expected counts."""
        return self.log_total + self.logits.log_softmax(1)

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give the log-mass of the known counts of each row, in nats."""
        return self.log_ratios(z) - log_factorials(z, self.logits.dtype)[:, None]

    def log_ratios(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give the same without Σ_j log x_j!, which no distribution enters."""
        return log_ratios(z.flatten(1), self.log_rate)

    def mean_each(self) -> Float[Tensor, "k d"]:
        """Give the expected counts."""
        return self.log_rate.exp()

    def sample_each(
        self, which: Int64[Tensor, " n"], rng: torch.Generator
    ) -> Int64[Tensor, "n ..."]:
        """Draw a row of each distribution that is asked for."""
        drawn = torch.poisson(self.log_rate.exp()[which], generator=rng)
        return drawn.long().reshape(len(which), *self.shape)

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give weighted sums of counts and of what is known of them, in float64."""
        events, known = z.new_zeros(2, *self.logits.shape, dtype=torch.float64)
        start = 0
        for part in parts_of(z):
            share = weight[start : start + len(part)].double().T
            events += share @ part.clamp_min(0).double()
            known += share @ (part >= 0).double()
            start += len(part)
        factorials = weight.double().sum(1) @ log_factorials(z, torch.float64)
        exposure = weight.double().sum(0)
        return {"events": events, "known": known, "exposure": exposure, "factorials": factorials}

    @torch.no_grad()
    def sums_of(
        self, z: Tensor, y: Int64[Tensor, " n"], weight: Tensor | None
    ) -> Mapping[str, Tensor]:
        """Give the statistics of rows of known classes, in one pass."""
        return count_sums(z.reshape(len(z), -1), y, weight, self.k)

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set shares and total from counts.

        Where counts are missing, what is expected of them is added, until nothing changes: EM on
        the sums alone. With alpha 0, a distribution without counts keeps its shares.
        """
        events, exposure = stats["events"], stats["exposure"]
        lacking = exposure[:, None] - stats["known"]
        if not bool(exposure.any()):
            return
        counts = events
        for _ in range(_STEPS if bool((lacking > 0).any()) else 0):
            expected = events + lacking * self._rate(counts, exposure)
            settled = torch.allclose(expected, counts, rtol=_SETTLED, atol=0)
            counts = expected
            if settled:
                break
        self._set(counts, exposure)

    def _rate(self, counts: Tensor, exposure: Tensor) -> Tensor:
        """Give the rates that complete counts teach."""
        smoothed = (counts + self.alpha).clamp_min(IMPOSSIBLE)
        return counts.sum() / exposure.sum() * smoothed / smoothed.sum(1, keepdim=True)

    def _set(self, counts: Tensor, exposure: Tensor) -> None:
        smoothed = counts + self.alpha
        total = smoothed.sum(1, keepdim=True)
        logits = smoothed.clamp_min(IMPOSSIBLE).log() - total.clamp_min(IMPOSSIBLE).log()
        self.logits.copy_(torch.where(total > 0, logits, self.logits.double()))
        self.log_total.copy_((counts.sum() / exposure.sum()).clamp_min(IMPOSSIBLE).log())

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set shares and total from weighted rows; of what no row tells about, to even shares."""
        self.logits.zero_()
        self.log_total.zero_()
        self.update(self.statistics_each(z, weight))

    def log_prior(self) -> Float[Tensor, ""]:
        """Give α Σ log θ."""
        return self.alpha * self.logits.log_softmax(1).sum()

    def log_likelihood(self, stats: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """Give the log-likelihood of the rows that statistics are of, in nats."""
        log_rate = self.log_rate.double()
        expected = stats["known"] * log_rate.exp()
        return (stats["events"] * log_rate - expected).sum() - stats["factorials"]
