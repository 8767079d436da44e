"""Models of sequences that break what they promise of steps that are told, each in one way."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from models.code_chain import CodeChain, PrefixChain
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.call import Observed

CODES = zoo.Space.categorical(4, ragged=True)


@final
class Sound(PrefixChain):
    """Knows beginnings alone."""


@final
class AnySteps(CodeChain):
    """Knows any steps."""


@final
class NoSteps(CodeChain):
    """Says that it observes, and refuses everything."""

    def told(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        if call.observed is not None:
            raise UnsupportedError("Nothing can be told")
        return super().told(n, call)


@final
class LengthsOfTheRest(PrefixChain):
    """`lengths` is taken for the number of steps that follow."""

    def whole(self, n: int, call: zoo.Call) -> Tensor:
        told = call.observed.values.lengths if isinstance(call.observed, Observed) else 0
        return super().whole(n, call) + (told if call.lengths is not None else 0)


@final
class PromptTwice(PrefixChain):
    """What was told comes again behind it, in the place of steps that were drawn."""

    def _sample(self, n: int, call: zoo.Call) -> zoo.Ragged:
        made = super()._sample(n, call)
        if not isinstance(call.observed, Observed):
            return made
        rows = []
        for row, told in zip(made, call.observed.values, strict=True):
            behind = row.clone()
            size = min(len(told), len(row) - len(told))
            behind[len(told) : len(told) + size] = told[:size]
            rows.append(behind)
        return zoo.Ragged.of(rows)


@final
class Forgetful(PrefixChain):
    """Goes on as if nothing had been told."""

    def told(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        codes, known = super().told(n, call)
        return codes, torch.zeros_like(known)


@final
class ShiftedRows(PrefixChain):
    """Goes on after the steps that were told for the row before."""

    def told(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        codes, known = super().told(n, call)
        return codes.roll(1, 0), known.roll(1, 0)


@final
class PaddingKnown(PrefixChain):
    """Takes the padding of the shorter beginnings for steps that were told."""

    def told(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        codes, known = super().told(n, call)
        return codes, torch.ones_like(known)


@final
class Hot(PrefixChain):
    """Draws at a temperature where something is told."""

    def walk(self, codes: Tensor, log_beta: Tensor, rng: torch.Generator) -> Tensor:
        return super().walk(codes, log_beta / 1.5, rng)

    def backward(self, codes: Tensor, known: Tensor) -> Tensor:
        found = super().backward(codes, known)
        return found if not bool(known.any()) else found + 0.5 * self.moves[0].log_softmax(0)


@final
class Greedy(PrefixChain):
    """Goes on by the most probable code where something is told."""

    def _sample(self, n: int, call: zoo.Call) -> zoo.Ragged:
        if not isinstance(call.observed, Observed):
            return super()._sample(n, call)
        made = super()._sample(n, call)
        best = self.moves.argmax(1)
        rows = []
        for row, told in zip(made, call.observed.values, strict=True):
            row = row.clone()
            for t in range(max(len(told), 1), len(row)):
                row[t] = best[row[t - 1]]
            rows.append(row)
        return zoo.Ragged.of(rows)


@final
class BackwardBlind(CodeChain):
    """Takes any steps, but draws those before a told one as if it wasn't there."""

    def backward(self, codes: Tensor, known: Tensor) -> Tensor:
        hit = nn.functional.one_hot(codes, len(self.moves)).bool()
        nothing = torch.zeros(hit.shape)
        return nothing.masked_fill(known[..., None] & ~hit, -torch.inf)


@final
class MaskIgnored(PrefixChain):
    """log_prob is that of the whole sequence."""

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, dataclasses.replace(call, observed=None))


@final
class ToldScored(PrefixChain):
    """log_prob is that of what is told."""

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        if not isinstance(call.observed, Tensor):
            return super()._log_prob(z, call)
        plain = super()._log_prob(z, dataclasses.replace(call, observed=None))
        return plain - super()._log_prob(z, call)


@final
class OneStepLate(PrefixChain):
    """Scores begin a step behind the first that isn't told."""

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        if isinstance(call.observed, Tensor) and bool(call.observed.any()):
            known = zoo.Ragged(call.observed, z.lengths)
            rows = [row | torch.cat([row[:1], row[:-1]]) if len(row) else row for row in known]
            call = dataclasses.replace(call, observed=zoo.Ragged.of(rows).values)
        return super()._log_prob(z, call)


@final
class FirstMask(PrefixChain):
    """As many steps of each row are taken for told as of the first."""

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        if isinstance(call.observed, Tensor):
            first = int(next(iter(zoo.Ragged(call.observed, z.lengths))).sum())
            rows = [torch.arange(len(row)) < first for row in z]
            call = dataclasses.replace(call, observed=zoo.Ragged.of(rows).values)
        return super()._log_prob(z, call)


@final
class LengthCounted(PrefixChain):
    """Given a beginning, the rest costs a probability for its length."""

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        found = super()._log_prob(z, call)
        if not isinstance(call.observed, Tensor):
            return found
        told = zoo.Ragged(call.observed, z.lengths).segment_sum(call.observed.long())
        return found + math.log(0.9) * (z.lengths - told)


def _mutant(
    name: str, broken: type[CodeChain], caught_by: str, sound: type[CodeChain] = Sound
) -> Mutant:
    return Mutant(
        name, lambda: broken.create(space=CODES), lambda: sound.create(space=CODES), caught_by
    )


_KEPT, _LAW = "samples-have-the-steps-that-are-told", "sequences-go-on-by-the-density"
_REST, _OWN = "the-rest-of-a-sequence-is-scored-given-what-is-told", "told-steps-are-a-row-s-own"

MUTANTS = [
    _mutant("refuses all that is told", NoSteps, _KEPT),
    _mutant("lengths without what is told", LengthsOfTheRest, _KEPT),
    _mutant("a prompt twice", PromptTwice, _LAW),
    _mutant("a prompt forgotten", Forgetful, _LAW),
    _mutant("a prompt of the row before", ShiftedRows, _LAW),
    _mutant("padding of prompts taken as told", PaddingKnown, _LAW),
    _mutant("a temperature after a prompt", Hot, _LAW),
    _mutant("the best code after a prompt", Greedy, _LAW),
    _mutant("blind to later steps", BackwardBlind, _LAW, AnySteps),
    _mutant("told steps scored too", MaskIgnored, _REST),
    _mutant("told steps scored for the rest", ToldScored, _REST),
    _mutant("scores begin a step late", OneStepLate, _REST),
    _mutant("the length of the rest costs", LengthCounted, _REST),
    _mutant("one sequence's mask for all", FirstMask, _OWN),
]
