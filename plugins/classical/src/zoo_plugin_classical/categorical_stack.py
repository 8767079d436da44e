"""CategoricalStack: K distributions of independent codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_classical.counted_parts import IMPOSSIBLE, parts_of
from zoo_plugin_classical.entrywise_stack import CountedStack


@final
class CategoricalStack(CountedStack):
    """p_k(x) = Π_j p_kj(x_j) of codes 0 … L−1; the parameters are logits `[K, d, L]`.

    `alpha` is added to each code's count, which is the most probable p under the prior
    Dirichlet(1 + α, …, 1 + α) (Murphy 2012, section 3.5.1.2). With alpha 0 that of the likelihood:
    what was never seen is then as good as impossible, and what no row tells about stays.
    """

    def __init__(self, k: int, space: Space, alpha: float) -> None:
        super().__init__()
        self.k, self.shape, self.alpha = k, space.shape, alpha
        self.levels, self.ordered = space.n_levels or 1, space.kind is not Kind.CATEGORICAL
        self.logits = nn.Parameter(torch.randn(k, space.size, self.levels))

    @property
    def free_parameters(self) -> int:
        """One less than there are levels, an entry and distribution."""
        k, size, levels = self.logits.shape
        return k * size * (levels - 1)

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The weight of each code, `[K, d, L]`."""
        return {"counts": tuple(self.logits.shape)}

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give Σ_j log p_kj(x_j) over the known entries, in nats, by looking rows of a table up."""
        table = self.logits.log_softmax(2).permute(1, 2, 0).flatten(0, 1)
        table = torch.cat([table, table.new_zeros(1, self.k)])
        parts = [embedding_bag(self._places(p), table, mode="sum") for p in parts_of(z)]
        return torch.cat(parts)

    def _places(self, z: Int64[Tensor, "n d"]) -> Int64[Tensor, "n d"]:
        """Number the codes of all entries through; what is missing has the last number."""
        _, size, levels = self.logits.shape
        offsets = levels * torch.arange(size, device=z.device)
        return torch.where(z < 0, size * levels, z + offsets)

    def sample_each(
        self, which: Int64[Tensor, " n"], rng: torch.Generator
    ) -> Int64[Tensor, "n ..."]:
        """Draw a row of each distribution that is asked for."""
        chances = self.logits.softmax(2)[which].flatten(0, 1)
        drawn = chances.multinomial(1, replacement=True, generator=rng)
        return drawn.reshape(len(which), *self.shape)

    def mean_each(self) -> Float[Tensor, "k d"]:
        """Give the means of the codes, as numbers; of unordered ones the most probable."""
        return self._mean(self.logits.softmax(2))

    def mean_of(self, share: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        """Give the means of the codes under mixtures; of unordered ones the most probable."""
        if self.ordered:
            return share @ self.mean_each()
        return self._mean(
            (share @ self.logits.softmax(2).flatten(1)).unflatten(1, (-1, self.levels))
        )

    def _mean(self, chances: Float[Tensor, "n d levels"]) -> Float[Tensor, "n d"]:
        if not self.ordered:
            return chances.argmax(2).to(chances.dtype)
        return chances @ torch.arange(self.levels, device=chances.device).to(chances.dtype)

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give the weight of each code, `counts [K, d, L]`, in float64."""
        _, size, levels = self.logits.shape
        counts = z.new_zeros(self.k, size * levels + 1, dtype=torch.float64)
        start = 0
        for part in parts_of(z):
            share = weight[start : start + len(part)].double().T
            places = self._places(part).flatten()
            for k, own in enumerate(share):
                rows = own.repeat_interleave(size)
                counts[k] += places.bincount(rows, minlength=counts.shape[1])
            start += len(part)
        return {"counts": counts[:, :-1].reshape(self.logits.shape)}

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set logits from counts; with alpha 0, an entry that no row knows keeps its own."""
        counts = stats["counts"] + self.alpha
        total = counts.sum(2, keepdim=True)
        logits = counts.clamp_min(IMPOSSIBLE).log() - total.clamp_min(IMPOSSIBLE).log()
        self.logits.copy_(torch.where(total > 0, logits, self.logits.double()))

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set logits from weighted rows; of what no row tells about, to those of even chances."""
        self.logits.zero_()
        self.update(self.statistics_each(z, weight))

    def log_prior(self) -> Float[Tensor, ""]:
        """Give α Σ log p."""
        return self.alpha * self.logits.log_softmax(2).sum()

    def log_likelihood(self, stats: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """Give the log-likelihood of the rows that statistics are of, in nats."""
        return (stats["counts"] * self.logits.double().log_softmax(2)).sum()
