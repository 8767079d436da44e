"""A mixture of models of any kind that learn from sums over rows."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics


class Mixture(zoo.Generator, zoo.DensityModel, SufficientStatistics):
    """p(x) = Σ_k w_k p_k(x), learnt by EM (Dempster, Laird & Rubin 1977, section 4.3)."""

    architecture = "test/mixture"

    class Config(zoo.Config):
        space: zoo.Space
        components: tuple[
            Annotated[zoo.Part, zoo.Provides(zoo.DensityModel, SufficientStatistics)], ...
        ]

    config: Config

    def _build(self) -> None:
        self.logits = nn.Parameter(torch.randn(len(self.config.components)))

    def joint(self, z: Tensor) -> Tensor:
        """log w_k p_k(x), `[n, K]`."""
        scores = torch.stack([part.log_prob(z) for part in self.components], 1)
        return self.logits.log_softmax(0) + scores

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.joint(z).logsumexp(1)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        which = self.logits.softmax(0).multinomial(n, replacement=True, generator=call.rng)
        made = torch.stack([part.sample(n, rng=call.rng) for part in self.components])
        return made[which, torch.arange(n)]

    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Stats:
        share = self.joint(z).softmax(1) * weight[:, None]
        sums = {"weights": share.sum(0)}
        for k, part in enumerate(self.components):
            stats = part.statistics(z, weight=share[:, k])
            sums |= {f"{k}.{name}": tensor for name, tensor in stats.tensors.items()}
        return Stats(sums)

    def _update(self, stats: Stats) -> None:
        self.logits.copy_(stats["weights"].clamp_min(torch.finfo(self.dtype).tiny).log())
        for k, part in enumerate(self.components):
            own = {n: t for n, t in stats.tensors.items() if n.startswith(f"{k}.")}
            part.update(Stats({name.partition(".")[2]: tensor for name, tensor in own.items()}))

    def _log_prior(self) -> Tensor:
        return torch.stack([part.log_prior() for part in self.components]).sum()
