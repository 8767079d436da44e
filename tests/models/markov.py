"""Ragged sequences with missing values: a Gaussian autoregression of order one."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo


@final
class GaussianChain(zoo.Generator, zoo.DensityModel):
    """x₁ ~ N(0, 1), x_t = a x_{t−1} + √(1−a²) noise; missing steps are integrated out exactly.

    Between two observed steps k apart the correlation is aᵏ.
    """

    architecture = "test/chain"

    @final
    class Config(zoo.Config):
        space: zoo.Space

    config: Config

    def _build(self) -> None:
        self.raw = nn.Parameter(torch.tensor(0.5))

    def _sample(self, n: int, call: zoo.Call) -> zoo.Ragged:
        lengths = call.lengths if call.lengths is not None else torch.full((n,), 5)
        rows = [self._walk(int(length), call) for length in lengths]
        return zoo.Ragged(torch.cat(rows), lengths)

    def _walk(self, length: int, call: zoo.Call) -> Tensor:
        noise = torch.randn(length, generator=call.rng, dtype=self.dtype)
        a, steps = self.raw.tanh(), [noise[:1]]
        for t in range(1, length):
            steps.append(a * steps[-1] + (1 - a**2).sqrt() * noise[t : t + 1])
        return torch.cat(steps) if length else noise

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        return torch.stack([self._score(row) for row in z])

    def _score(self, row: Tensor) -> Tensor:
        seen = (~torch.isnan(row)).nonzero()[:, 0]
        x, total = row[seen], row.new_zeros(())
        for i, value in enumerate(x):
            gap = int(seen[i] - seen[i - 1]) if i else 0
            r = self.raw.tanh() ** gap if i else torch.zeros_like(self.raw)
            mean, variance = (r * x[i - 1] if i else 0.0), 1 - r**2
            total = total - 0.5 * ((value - mean) ** 2 / variance + (2 * math.pi * variance).log())
        return total
