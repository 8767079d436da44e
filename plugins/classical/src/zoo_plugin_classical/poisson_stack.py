"""PoissonStack: K products of Poisson distributions at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo_plugin_classical.stack import Stack


@final
class PoissonStack(Stack):
    """Independent Poisson counts: p_k(x) = Π_j λ_kj^x_j e^−λ_kj / x_j!, rows of `size` entries.

    A Gamma prior is told as data: each rate is learnt as if, beside the rows, `prior_count` events
    had been seen in `prior_rows` rows, so that log_prior = Σ prior_count · log λ − prior_rows · λ.
    A missing count (−1) is summed out.
    """

    def __init__(
        self, k: int, size: int, prior_count: float = 0.0, prior_rows: float = 0.0
    ) -> None:
        super().__init__()
        self.k, self.size = k, size
        self.prior_count, self.prior_rows = prior_count, prior_rows
        self.log_rate = nn.Parameter(torch.randn(k, size))

    @property
    def free_parameters(self) -> int:
        """How many rates there are."""
        return self.k * self.size

    @property
    def rate(self) -> Float[Tensor, "k d"]:
        """The expected counts λ."""
        return self.log_rate.exp()

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give Σ_j x_j log λ_kj − λ_kj − log x_j! over the known counts."""
        count, known = self._counts(z, self.log_rate.dtype)
        constant = torch.lgamma(count + 1).sum(1, keepdim=True)
        return count @ self.log_rate.T - known @ self.rate.T - constant

    def sample_each(self, which: Int64[Tensor, " n"], rng: torch.Generator) -> Tensor:
        """Draw counts of each distribution that is asked for, as int64."""
        return torch.poisson(self.rate[which], generator=rng).to(torch.int64)

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give the expected events, and the expected rows in which they were counted."""
        count, known = self._counts(z, torch.float64)
        share = weight.to(torch.float64).T
        return {"events": share @ count, "rows": share @ known}

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set each rate to events a row, the prior's counted in."""
        self._set(stats["events"], stats["rows"])

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set rates from the weighted rows; without rows, to those of all rows together."""
        stats = self.statistics_each(z, weight)
        everywhere = self.statistics_each(z, weight.sum(1, keepdim=True))
        some = stats["rows"] > 0
        self.log_rate.zero_()
        self._set(
            torch.where(some, stats["events"], everywhere["events"]),
            torch.where(some, stats["rows"], everywhere["rows"]),
        )

    def log_prior(self) -> Tensor:
        """Give the log-density of the rates' Gamma prior, up to a constant."""
        return (self.prior_count * self.log_rate - self.prior_rows * self.rate).sum()

    def _set(self, events: Tensor, rows: Tensor) -> None:
        """Set rates, never quite 0; where nothing was counted they stay."""
        events, rows = events + self.prior_count, rows + self.prior_rows
        rate = (events / rows.where(rows > 0, 1.0)).clamp_min(torch.finfo(torch.float32).tiny)
        self.log_rate.copy_(torch.where(rows > 0, rate.log(), self.log_rate.double()))

    def _counts(self, z: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Give counts with 0 for those that are missing, and 1 where they are known, `[n, d]`."""
        rows = z.reshape(len(z), self.size)
        return rows.clamp_min(0).to(dtype), (rows >= 0).to(dtype)
