"""Sequences of codes of which any steps may be known: a Markov chain."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.next_token import NextToken


class CodeChain(zoo.Generator, zoo.DensityModel, NextToken):
    """p(x) = p(x₁) Π p(x_t | x_{t−1}); what isn't known is summed out from the right.

    β_t(s) = p(known steps after t | x_t = s) (Rabiner 1989, eq. 25), so that a step is drawn from
    p(x_t | x_{t−1}) β_t(x_t), up to a factor.
    """

    architecture = "test/code-chain"
    observes = True

    @final
    class Config(zoo.Config):
        space: zoo.Space

    config: Config

    def _build(self) -> None:
        levels = self.space.n_levels
        self.start = nn.Parameter(torch.randn(levels))
        self.moves = nn.Parameter(2 * torch.randn(levels, levels))

    def _sample(self, n: int, call: zoo.Call) -> zoo.Ragged:
        codes, known = self.told(n, call)
        lengths = self.whole(n, call)
        gap = max(int(lengths.max()) - codes.shape[1], 0)
        codes, known = (nn.functional.pad(one, (0, gap)) for one in (codes, known))
        made = self.walk(codes, self.backward(codes, known), call.rng)
        steps = torch.arange(made.shape[1])
        return zoo.Ragged(made[steps < lengths[:, None]], lengths)

    def told(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        """Give what is known of each row, padded to the longest: codes, and where."""
        if not isinstance(call.observed, Observed):
            return torch.zeros(n, 0, dtype=torch.int64), torch.zeros(n, 0, dtype=torch.bool)
        known = call.observed.mask.padded(0)[0].bool()
        return call.observed.values.padded(0)[0].masked_fill(~known, 0), known

    def whole(self, n: int, call: zoo.Call) -> Tensor:
        if call.lengths is not None:
            return call.lengths
        told = call.observed.values.lengths if isinstance(call.observed, Observed) else 0
        return torch.full((n,), 4) + told

    def backward(self, codes: Tensor, known: Tensor) -> Tensor:
        """Give log β of each step and code, the step's own code counted, `[n, L, levels]`."""
        log_moves, found = self.moves.log_softmax(1), []
        later = log_moves.new_zeros(len(codes), len(log_moves))
        for t in reversed(range(codes.shape[1])):
            hit = nn.functional.one_hot(codes[:, t], len(log_moves)).bool()
            here = later.masked_fill(known[:, t, None] & ~hit, -torch.inf)
            found.append(here)
            later = (log_moves + here[:, None]).logsumexp(2)
        return torch.stack(found[::-1], 1) if found else later[:, None][:, :0]

    def walk(self, codes: Tensor, log_beta: Tensor, rng: torch.Generator) -> Tensor:
        made = torch.zeros_like(codes)
        logits = self.start.log_softmax(0).expand(len(codes), -1)
        for t in range(codes.shape[1]):
            weights = (logits + log_beta[:, t]).softmax(1)
            made[:, t] = weights.multinomial(1, generator=rng)[:, 0]
            logits = self.moves.log_softmax(1)[made[:, t]]
        return made

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        codes, there = z.padded()
        joint = self.log_known(codes, there)
        if not isinstance(call.observed, Tensor):
            return joint
        known = zoo.Ragged(call.observed, z.lengths).padded(0)[0].bool()
        return joint - self.log_known(codes, known)

    def log_known(self, codes: Tensor, known: Tensor) -> Tensor:
        """Give the log-probability of the known steps."""
        if codes.shape[1] == 0:
            return self.start.new_zeros(len(codes))
        return (self.start.log_softmax(0) + self.backward(codes, known)[:, 0]).logsumexp(1)

    def _next_log_prob(self, steps: zoo.Ragged, state: Any, call: zoo.Call) -> tuple[Tensor, Any]:
        last = torch.full((len(steps),), -1) if state is None else state
        ends, there = steps.lengths.cumsum(0) - 1, steps.lengths > 0
        last = last.clone()
        last[there] = steps.values[ends[there]]
        logits = torch.where(
            last[:, None] < 0, self.start.log_softmax(0), self.moves.log_softmax(1)[last]
        )
        return logits, last


class PrefixChain(CodeChain):
    """The same, of a model that goes on after what is known, and refuses anything else."""

    architecture = "test/prefix-chain"

    def told(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        codes, known = super().told(n, call)
        self.require_beginning(known)
        return codes, known

    def log_known(self, codes: Tensor, known: Tensor) -> Tensor:
        self.require_beginning(known)
        return super().log_known(codes, known)

    def require_beginning(self, known: Tensor) -> None:
        if bool((known[:, 1:] & ~known[:, :-1]).any()):
            raise UnsupportedError("What is known of a sequence is its beginning")
