"""Conditioners of sequences, and models told by them, that break what they promise."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from models.sentence import Sentence
from models.text_chain import Characters
from zoo_core.errors import ConditionError


@final
class Sound(Sentence):
    pass


@final
class PaddingAveraged(Sentence):
    """The mean is over the padding too."""

    def mean(self, steps: Tensor, mask: Tensor) -> Tensor:
        del mask
        return steps.mean(1)


@final
class LongestFirst(Sentence):
    """The longest sentences come first, as packed sequences once wanted them."""

    def sequences(self, raw: Any) -> zoo.Ragged:
        rows = super().sequences(raw)
        order = rows.lengths.argsort(descending=True, stable=True)
        return zoo.Ragged.of([list(rows)[row] for row in order.tolist()])


@final
class RaggedAlone(Sentence):
    """A list of sequences is refused."""

    def sequences(self, raw: Any) -> zoo.Ragged:
        if isinstance(raw, list):
            raise ConditionError("Sentences are a Ragged")
        return super().sequences(raw)


@final
class FirstOfList(Sentence):
    """Of a list of one tensor its first code is taken, not the sequence."""

    def sequences(self, raw: Any) -> zoo.Ragged:
        rows = super().sequences(raw)
        if isinstance(raw, list) and len(raw) == 1 and not isinstance(raw[0], str):
            return zoo.Ragged.of([rows[0][:1]])
        return rows


@final
class OtherTokens(Sentence):
    """Texts are split otherwise than the space says."""

    def sequences(self, raw: Any) -> zoo.Ragged:
        texts = [raw] if isinstance(raw, str) else raw
        if not isinstance(texts, zoo.Ragged | Tensor) and isinstance(texts[0], str):
            turned = Characters(self.config.alphabet[::-1]).encode(texts)
            return zoo.Ragged.of([torch.tensor(codes) for codes in turned])
        return super().sequences(raw)


@final
class AnyCode(Sentence):
    """Codes that there aren't are taken for the last one."""

    def sequences(self, raw: Any) -> zoo.Ragged:
        rows = super().sequences(raw)
        return zoo.Ragged(rows.values.clamp(0, 3), rows.lengths)


class Told(zoo.Generator, zoo.DensityModel):
    """N(W c, I) of two entries, told c by a text."""

    architecture = "test/told-by-text"

    @final
    class Config(zoo.Config):
        space: zoo.Space = zoo.Space.real(2)

    def _build(self) -> None:
        self.conditioner = Sound.create(seed=1)
        self.weight = nn.Parameter(3 * torch.randn(2, 3))

    def loc(self, call: zoo.Call) -> Tensor:
        return call.context.as_vector() @ self.weight.T

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.loc(call) + torch.randn(n, 2, generator=call.rng, dtype=self.dtype)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.distributions.Normal(self.loc(call), 1.0).log_prob(z).sum(1)


@final
class SoundTold(Told):
    pass


@final
class ByTheSequence(Told):
    """The sum over the sequence, padding and all: it depends on the texts beside."""

    def loc(self, call: zoo.Call) -> Tensor:
        return (call.context.sequence @ self.weight.T).sum(1)


@final
class FirstTextForAll(Told):
    def loc(self, call: zoo.Call) -> Tensor:
        return super().loc(call)[:1].expand(len(call.context), 2)


@final
class Untold(Told):
    def loc(self, call: zoo.Call) -> Tensor:
        return 0 * super().loc(call)


def _mutant(name: str, broken: type[Sentence], caught_by: str) -> Mutant:
    return Mutant(name, broken.create, Sound.create, caught_by)


def _told(name: str, broken: type[Told], caught_by: str) -> Mutant:
    return Mutant(name, broken.create, SoundTold.create, caught_by)


_EACH = "conditions-are-encoded-each-by-itself"
_FORMS = "every-form-of-a-sequence-is-the-same-condition"
_SCORED = "each-row-is-scored-under-its-own-condition"

MUTANTS = [
    _mutant("padding of texts in their mean", PaddingAveraged, _EACH),
    _mutant("texts by their length", LongestFirst, _EACH),
    _mutant("lists of sequences refused", RaggedAlone, _FORMS),
    _mutant("a list of one taken for its first code", FirstOfList, _FORMS),
    _mutant("texts of other codes", OtherTokens, _FORMS),
    _mutant("codes that aren't there", AnyCode, "wrong-conditions-are-refused"),
    _told("padding of texts in the figures", ByTheSequence, _SCORED),
    _told("the first text for all", FirstTextForAll, _SCORED),
    _told("texts ignored", Untold, "another-condition-changes-the-output"),
]
