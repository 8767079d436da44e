"""Models whose next codes are wrong, each in one way."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor

import zoo_core as zoo
from conformance.mutant import Mutant
from models.recurrence import Recurrence

CODES = zoo.Space.categorical(4, ragged=True)
LABEL = zoo.Part("core/label", {"classes": 3})


@final
class Unnormalized(Recurrence):
    """Logits for log-probabilities."""

    def score(self, h: Tensor) -> Tensor:
        return 2 * self.out(h)


@final
class LastCodeUnread(Recurrence):
    """The prefix is read but for its last code."""

    def _next_log_prob(self, steps: zoo.Ragged, state: Any, call: zoo.Call) -> tuple[Tensor, Any]:
        if state is None:
            steps = zoo.Ragged.of([row[:-1] for row in steps])
        return super()._next_log_prob(steps, state, call)


@final
class StaleCache(Recurrence):
    """With a cache, the last of the new codes is not read."""

    def _next_log_prob(self, steps: zoo.Ragged, state: Any, call: zoo.Call) -> tuple[Tensor, Any]:
        if state is not None:
            steps = zoo.Ragged.of([row[:-1] for row in steps])
        return super()._next_log_prob(steps, state, call)


@final
class ForgetfulCache(Recurrence):
    """The cache is that of the last code alone."""

    def _next_log_prob(self, steps: zoo.Ragged, state: Any, call: zoo.Call) -> tuple[Tensor, Any]:
        return super()._next_log_prob(steps, None, call)


@final
class MixedCache(Recurrence):
    """Each row goes on with its neighbour's state."""

    def _next_log_prob(self, steps: zoo.Ragged, state: Any, call: zoo.Call) -> tuple[Tensor, Any]:
        state = None if state is None else state.roll(1, 0)
        return super()._next_log_prob(steps, state, call)


@final
class PaddingRead(Recurrence):
    """Padding is read as if it were data."""

    def _next_log_prob(self, steps: zoo.Ragged, state: Any, call: zoo.Call) -> tuple[Tensor, Any]:
        h = self.begin(len(steps), call) if state is None else state
        for codes in steps.padded()[0].T:
            h = self.read(h, codes)
        return self.score(h), h


@final
class Peeking(Recurrence):
    """log_prob scores a code with a state that has read it."""

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        h, codes, mask = self.begin(len(z), call), *z.padded()
        total = h.new_zeros(len(z))
        for t in range(codes.shape[1]):
            h = self.read(h, codes[:, t])
            total = total + self.score(h).gather(1, codes[:, t, None])[:, 0] * mask[:, t]
        return total


@final
class EndCounted(Recurrence):
    """log_prob spends probability on the length, which is given."""

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call) + z.lengths * math.log(0.9) + math.log(0.1)


@final
class Cooled(Recurrence):
    """Next codes are those of another temperature than log_prob's."""

    def _next_log_prob(self, steps: zoo.Ragged, state: Any, call: zoo.Call) -> tuple[Tensor, Any]:
        log_probs, state = super()._next_log_prob(steps, state, call)
        return (1.1 * log_probs).log_softmax(1), state


@final
class ConditionForgotten(Recurrence):
    """Next codes are those of the first class, whatever is told."""

    def _next_log_prob(self, steps: zoo.Ragged, state: Any, call: zoo.Call) -> tuple[Tensor, Any]:
        told = call.context.take(torch.zeros(len(steps), dtype=torch.int64))
        return super()._next_log_prob(steps, state, zoo.Call(call.rng, context=told))


def sound() -> zoo.Model:
    return Recurrence.create(space=CODES)


def told() -> zoo.Model:
    return Recurrence.create(space=CODES, conditioner=LABEL)


def _mutant(name: str, broken: type[Recurrence], caught_by: str) -> Mutant:
    return Mutant(name, lambda: broken.create(space=CODES), sound, caught_by)


_SUM = "log-prob-is-the-sum-over-next-codes"
_CACHE = "a-cache-changes-nothing"

MUTANTS: list[Mutant] = [
    _mutant("next codes unnormalised", Unnormalized, "next-codes-are-a-distribution"),
    _mutant("next code off by one", LastCodeUnread, _SUM),
    _mutant("teacher forcing off by one", Peeking, _SUM),
    _mutant("end of a sequence counted", EndCounted, _SUM),
    _mutant("next codes of another temperature", Cooled, _SUM),
    _mutant("cache stale", StaleCache, _CACHE),
    _mutant("cache forgets the prefix", ForgetfulCache, _CACHE),
    _mutant("cache mixed between rows", MixedCache, _CACHE),
    _mutant(
        "prefix read with its padding", PaddingRead, "next-codes-do-not-depend-on-the-rows-beside"
    ),
    Mutant(
        "next codes ignore the condition",
        lambda: ConditionForgotten.create(space=CODES, conditioner=LABEL),
        told,
        _SUM,
    ),
]
