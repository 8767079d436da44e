"""An autoregressive model of codes: a recurrent network, whose state is its cache."""

from __future__ import annotations

from typing import final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.interfaces.next_token import NextToken


class Recurrence(zoo.Generator, zoo.DensityModel, NextToken):
    """p(x_t | x_<t) = softmax(V h_t), h_{t+1} = tanh(U h_t + E[x_t]) (Elman 1990).

    A condition sets h_1.
    """

    architecture = "test/recurrence"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        width: pydantic.PositiveInt = 4
        conditioner: zoo.Part | None = None

    config: Config

    def _build(self) -> None:
        levels, width = self.space.n_levels, self.config.width
        self.embedding = nn.Embedding(levels, width)
        self.move = nn.Linear(width, width)
        self.out = nn.Linear(width, levels)
        self.start = nn.Parameter(torch.randn(width))
        self.shift = None
        if self.config.conditioner is not None:
            self.shift = nn.Linear(self.conditioner.context_shape.as_vector, width)

    def begin(self, n: int, call: zoo.Call) -> Tensor:
        start = self.start.expand(n, -1)
        return start if self.shift is None else start + self.shift(call.context.as_vector())

    def read(self, h: Tensor, codes: Tensor) -> Tensor:
        return (self.move(h) + self.embedding(codes)).tanh()

    def score(self, h: Tensor) -> Tensor:
        return (2 * self.out(h)).log_softmax(-1)

    def _next_log_prob(
        self, steps: zoo.Ragged, state: Tensor | None, call: zoo.Call
    ) -> tuple[Tensor, Tensor]:
        h = self.begin(len(steps), call) if state is None else state
        codes, mask = steps.padded()
        for t in range(codes.shape[1]):
            h = torch.where(mask[:, t, None], self.read(h, codes[:, t]), h)
        return self.score(h), h

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        h, codes, mask = self.begin(len(z), call), *z.padded()
        total = h.new_zeros(len(z))
        for t in range(codes.shape[1]):
            here = self.score(h).gather(1, codes[:, t, None])[:, 0]
            total = total + here * mask[:, t]
            h = self.read(h, codes[:, t])
        return total

    def _sample(self, n: int, call: zoo.Call) -> zoo.Ragged:
        lengths = call.lengths if call.lengths is not None else torch.full((n,), 4)
        h, longest = self.begin(n, call), int(lengths.max())
        codes = torch.zeros(n, longest, dtype=torch.int64)
        for t in range(longest):
            codes[:, t] = self.score(h).exp().multinomial(1, generator=call.rng)[:, 0]
            h = self.read(h, codes[:, t])
        return zoo.Ragged(codes[torch.arange(longest) < lengths[:, None]], lengths)
