"""An exact mass: codes in a chain, the frequencies of each depending on the one before."""

from __future__ import annotations

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo


class Levels(zoo.Generator, zoo.DensityModel):
    """p(x) = p(x₁) Π p(x_i | x_{i−1}), from tables of logits."""

    class Config(zoo.Config):
        size: pydantic.PositiveInt = 3
        levels: pydantic.PositiveInt = 4

    config: Config

    def _space(self) -> zoo.Space:
        return zoo.Space.ordinal(self.config.levels, self.config.size)

    def _build(self) -> None:
        k = self.config.levels
        self.first = nn.Parameter(torch.randn(k))
        self.next = nn.Parameter(torch.randn(k, k))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        codes = [self._draw(self.first.expand(n, -1), call)]
        for _ in range(self.config.size - 1):
            codes.append(self._draw(self.next[codes[-1]], call))
        return torch.stack(codes, 1)

    def _draw(self, logits: Tensor, call: zoo.Call) -> Tensor:
        return torch.multinomial(logits.softmax(1), 1, generator=call.rng)[:, 0]

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        first = self.first.log_softmax(0)[z[:, 0]]
        table = self.next.log_softmax(1)
        return first + table[z[:, :-1], z[:, 1:]].sum(1)
