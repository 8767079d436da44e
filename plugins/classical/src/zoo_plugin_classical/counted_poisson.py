"""CountedPoisson: Poisson distributions whose statistics add up, as naive Bayes learns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_classical.entrywise_stack import CountedStack
from zoo_plugin_classical.poisson_stack import PoissonStack


@final
class CountedPoisson(CountedStack):
    """p_k(x) = Π_j λ_kj^x_j e^−λ_kj / x_j!, learnt as if `alpha` rows of ones came first."""

    def __init__(self, k: int, size: int, alpha: float) -> None:
        super().__init__()
        self.k = k
        self.poisson = PoissonStack(k, size, prior_count=alpha, prior_rows=alpha)

    @property
    def free_parameters(self) -> int:
        """How many rates there are."""
        return self.poisson.free_parameters

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Events and the weight of known counts, `[K, d]`; Σ log x! in each distribution, `[K]`."""
        shape = tuple(self.poisson.log_rate.shape)
        return {"events": shape, "known": shape, "log_factorials": shape[:1]}

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give Σ_j x_j log λ_kj − λ_kj − log x_j! over the known counts."""
        return self.poisson.log_prob_each(z)

    def mean_each(self) -> Float[Tensor, "k d"]:
        """Give the rates."""
        return self.poisson.rate

    def sample_each(self, which: Tensor, rng: torch.Generator) -> Tensor:
        """Draw counts of each distribution that is asked for, as int64."""
        return self.poisson.sample_each(which, rng)

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give the sums that `shapes` names, in float64."""
        found = self.poisson.statistics_each(z, weight)
        factorials = torch.lgamma(z.clamp_min(0).double() + 1).sum(1)
        return {
            "events": found["events"],
            "known": found["rows"],
            "log_factorials": factorials @ weight.double(),
        }

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set each rate to events a row, those that came first counted in."""
        self.poisson.update({"events": stats["events"], "rows": stats["known"]})

    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set rates from the weighted rows."""
        self.poisson.start(z, weight)

    def log_prior(self) -> Tensor:
        """Give α Σ (log λ − λ)."""
        return self.poisson.log_prior()

    def log_likelihood(self, stats: Mapping[str, Tensor]) -> Tensor:
        """Give the log-likelihood of the rows that statistics are of, in nats."""
        log_rate = self.poisson.log_rate.double()
        own = stats["events"] * log_rate - stats["known"] * log_rate.exp()
        return own.sum() - stats["log_factorials"].sum()
