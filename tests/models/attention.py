"""An autoregressive model of codes by attention: its cache is as long as the prefix."""

from __future__ import annotations

from typing import NamedTuple, final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.interfaces.next_token import NextToken


class Seen(NamedTuple):
    """Keys and values `[n, L, d]` of what has been read, True in `mask` on real steps."""

    keys: Tensor
    values: Tensor
    mask: Tensor


@final
class Attention(zoo.DensityModel, NextToken):
    """One head over the steps so far (Vaswani et al. 2017, eq. 1); the first step is a mark.

    A condition is added to every query.
    """

    architecture = "test/attention"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        width: pydantic.PositiveInt = 4
        conditioner: zoo.Part | None = None

    config: Config

    def _build(self) -> None:
        levels, width = self.space.n_levels, self.config.width
        self.embedding = nn.Embedding(levels + 1, width)
        self.keys, self.values = nn.Linear(width, width), nn.Linear(width, width)
        self.out = nn.Linear(2 * width, levels)
        self.shift = None
        if self.config.conditioner is not None:
            self.shift = nn.Linear(self.conditioner.context_shape.as_vector, width)

    def read(self, codes: Tensor, positions: Tensor, mask: Tensor) -> tuple[Tensor, Seen]:
        """Embed codes at their positions; give queries [n, L, d] with keys and values."""
        angle = positions[..., None] / torch.arange(1, self.config.width + 1)
        x = self.embedding(codes) + angle.to(self.dtype).sin()
        return x, Seen(self.keys(x), self.values(x), mask)

    def attend(self, x: Tensor, seen: Seen, visible: Tensor, call: zoo.Call) -> Tensor:
        """Log-probabilities [n, Q, levels] of what follows each of Q queries."""
        if self.shift is not None:
            x = x + self.shift(call.context.as_vector())[:, None]
        scores = (x @ seen.keys.mT).masked_fill(~visible, -torch.inf)
        mixed = scores.softmax(-1) @ seen.values
        return self.out(torch.cat([x, mixed], -1)).log_softmax(-1)

    def marked(self, z: zoo.Ragged) -> tuple[Tensor, Tensor]:
        """Put the mark before each sequence."""
        mark = torch.tensor([self.space.n_levels])
        return zoo.Ragged.of([torch.cat([mark, row]) for row in z]).padded()

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        codes, mask = self.marked(z)
        steps = torch.arange(codes.shape[1])
        x, seen = self.read(codes, steps.expand(codes.shape), mask)
        log_probs = self.attend(x, seen, steps <= steps[:, None], call)[:, :-1]
        here = log_probs.gather(2, codes[:, 1:, None].clamp_max(self.space.n_levels - 1))
        return (here[..., 0] * mask[:, 1:]).sum(1)

    def _next_log_prob(
        self, steps: zoo.Ragged, state: Seen | None, call: zoo.Call
    ) -> tuple[Tensor, Seen]:
        codes, mask = self.marked(steps) if state is None else steps.padded()
        before = 0 if state is None else state.mask.sum(1, keepdim=True)
        x, seen = self.read(codes, before + torch.arange(codes.shape[1]).expand(codes.shape), mask)
        if state is not None:
            pairs = zip(state, seen, strict=True)
            seen = Seen(*(torch.cat([old, new], 1) for old, new in pairs))
        last = x[torch.arange(len(x)), mask.sum(1) - 1][:, None]
        return self.attend(last, seen, seen.mask[:, None], call)[:, 0], seen
