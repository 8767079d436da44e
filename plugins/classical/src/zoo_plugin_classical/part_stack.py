"""PartStack: K models of any kind that learn from sums, as one stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_core.interfaces.sufficient_statistics import Stats
from zoo_plugin_classical.stack import Stack


@final
class PartStack(Stack):
    """Models that are SufficientStatistics, DensityModel and Generator, called one after another.

    They belong to the model that made the stack, which has registered them: here they are none
    of the stack's own modules.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        super().__init__()
        self.k = len(parts)
        # In a tuple, modules are not registered a second time.
        self.parts = tuple(parts)

    @property
    def free_parameters(self) -> int:
        """How many numbers the parts' parameters have."""
        return sum(p.numel() for part in self.parts for p in part.parameters())

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give each model's log-probability."""
        return torch.stack([part.log_prob(z) for part in self.parts], 1)

    def sample_each(self, which: Int64[Tensor, " n"], rng: torch.Generator) -> Tensor:
        """Draw as many rows of each model as are asked for."""
        rows = [(which == k).nonzero()[:, 0] for k in range(self.k)]
        asked = [(own, part) for own, part in zip(rows, self.parts, strict=True) if len(own)]
        drawn = torch.cat([part.sample(len(own), rng=rng) for own, part in asked])
        return drawn[torch.cat([own for own, _ in asked]).argsort()]

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give each model's statistics, named by its number."""
        own = [part.statistics(z, weight=w) for part, w in zip(self.parts, weight.T, strict=True)]
        return {f"{k}.{name}": t for k, s in enumerate(own) for name, t in s.tensors.items()}

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Update each model by its statistics."""
        for k, part in enumerate(self.parts):
            own = {name: t for name, t in stats.items() if name.startswith(f"{k}.")}
            part.update(Stats({name.partition(".")[2]: t for name, t in own.items()}))

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Update each model once or twice by the rows that belong to it, from where it is."""
        for part, own in zip(self.parts, weight.T, strict=True):
            for _ in range(2):
                part.update(part.statistics(z, weight=own))

    def log_prior(self) -> Tensor:
        """Give the sum of the models' log_prior."""
        return torch.stack([part.log_prior() for part in self.parts]).sum()
