"""Conditioners that break what they promise, each in one way."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.errors import ConditionError, DataError
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.space import Space


class Words(zoo.Conditioner):
    """Three codes, each of four words, as a vector and as a sequence: what a mutant changes."""

    def _space(self) -> Space:
        return Space.categorical(4, 3)

    def _build(self) -> None:
        self.embedding = nn.Embedding(4, 5)
        self.untold = nn.Parameter(torch.randn(1, 5))

    @property
    def context_shape(self) -> zoo.ContextShape:
        return zoo.ContextShape(vector=5, sequence=5)

    def _prepare(self, raw: Any) -> Codes:
        try:
            words = self.space.tensor(raw)
            words = words[None] if words.ndim == 1 else words
            return self.codes(self.space.check(words, what="words"))
        except DataError as error:
            raise ConditionError("Three words of four", received=error.received) from None

    def codes(self, words: Tensor) -> Codes:
        return Codes({"words": words})

    def _encode(self, codes: Codes) -> zoo.Context:
        steps = self.embedding(codes["words"])
        mask = torch.ones(steps.shape[:2], dtype=torch.bool)
        return zoo.Context(vector=self.vector(steps), sequence=steps, mask=mask)

    def vector(self, steps: Tensor) -> Tensor:
        return steps.mean(1)

    def _null(self) -> zoo.Context:
        mask = torch.ones(1, 1, dtype=torch.bool)
        null = self.null_vector()
        return zoo.Context(vector=null, sequence=null[:, None], mask=mask)

    def null_vector(self) -> Tensor:
        return self.untold


@final
class SoundWords(Words):
    pass


@final
class EmbeddedCodes(Words):
    """The codes are looked up in the trained table."""

    def codes(self, words: Tensor) -> Codes:
        return Codes({"words": words, "vector": self.embedding(words).mean(1)})

    def _encode(self, codes: Codes) -> zoo.Context:
        context = super()._encode(codes)
        return zoo.Context(codes["vector"], context.sequence, context.mask)


@final
class WeightedCodes(Words):
    """The codes are sorted by a trained weight; none has a gradient."""

    def codes(self, words: Tensor) -> Codes:
        order = self.embedding.weight.detach()[:, 0].argsort()
        return Codes({"words": order[words]})


@final
class BatchCentred(Words):
    def vector(self, steps: Tensor) -> Tensor:
        vector = steps.mean(1)
        return vector - vector.mean(0)


@final
class SortedRows(Words):
    """The conditions of a batch are sorted."""

    def codes(self, words: Tensor) -> Codes:
        return Codes({"words": words[words[:, 0].argsort(stable=True)]})


@final
class RandomNull(Words):
    """Null is drawn anew each time."""

    def null_vector(self) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.seed()
            return self.untold + torch.randn(1, 5)


@final
class NaNNull(Words):
    def null_vector(self) -> Tensor:
        return self.untold * torch.nan


@final
class DoubleNull(Words):
    """Null is float64, and makes the contexts so that it is mixed with."""

    def null_vector(self) -> Tensor:
        return self.untold.double()


@final
class WideNull(Words):
    def null_vector(self) -> Tensor:
        return torch.cat([self.untold, self.untold], 1)


@final
class TwoNulls(Words):
    def _null(self) -> zoo.Context:
        null = super()._null()
        return zoo.Context.cat([null, null])


@final
class SinglePrecision(Words):
    def vector(self, steps: Tensor) -> Tensor:
        return steps.mean(1).float()


@final
class Detached(Words):
    def _encode(self, codes: Codes) -> zoo.Context:
        with torch.no_grad():
            return super()._encode(codes)


@final
class Clamping(Words):
    """A word that isn't there is taken for the last."""

    def _prepare(self, raw: Any) -> Codes:
        words = self.space.tensor(raw).clamp(0, 3)
        return Codes({"words": words[None] if words.ndim == 1 else words})


@final
class LastOnly(Words):
    """A batch of conditions is taken for its last."""

    def codes(self, words: Tensor) -> Codes:
        return Codes({"words": words[-1:]})


@final
class Twice(Words):
    """One condition gives two rows."""

    def codes(self, words: Tensor) -> Codes:
        return Codes({"words": torch.cat([words, words]) if len(words) == 1 else words})


class Grade(zoo.Conditioner):
    """One of four, or nobody knows which."""

    def _space(self) -> Space:
        return Space.categorical(4, missing=True)

    def _build(self) -> None:
        self.embedding = nn.Embedding(4, 5)
        self.untold = nn.Parameter(torch.randn(1, 5))

    @property
    def context_shape(self) -> zoo.ContextShape:
        return zoo.ContextShape(vector=5)

    def _prepare(self, raw: Any) -> Codes:
        grades = self.space.tensor(raw).reshape(-1)
        return Codes({"grade": self.space.check(grades, what="grades")})

    def _encode(self, codes: Codes) -> zoo.Context:
        return zoo.Context(vector=self.vectors(codes["grade"]))

    def vectors(self, grade: Tensor) -> Tensor:
        known = self.embedding(grade.clamp_min(0))
        return torch.where((grade < 0)[:, None], self.untold, known)

    def _null(self) -> zoo.Context:
        return zoo.Context(vector=self.untold)


@final
class SoundGrade(Grade):
    pass


@final
class LastGrade(Grade):
    """−1 counts from the end."""

    def vectors(self, grade: Tensor) -> Tensor:
        return self.embedding(grade % 4)


@final
class AllUntold(Grade):
    """One grade that nobody knows makes all of them unknown."""

    def vectors(self, grade: Tensor) -> Tensor:
        if bool((grade < 0).any()):
            return self.untold.expand(len(grade), -1)
        return self.embedding(grade)


@final
class RefusedGrade(Grade):
    """What nobody knows is refused."""

    def _prepare(self, raw: Any) -> Codes:
        grades = self.space.tensor(raw).reshape(-1)
        if bool((grades < 0).any()):
            raise ConditionError("A grade is 0 … 3", received=-1)
        return Codes({"grade": grades})


def _unknown(name: str, broken: type[Model]) -> Mutant:
    return Mutant(name, broken.create, SoundGrade.create, "what-nobody-knows-is-the-null-context")


def _mutant(name: str, broken: type[Model], caught_by: str) -> Mutant:
    return Mutant(name, broken.create, SoundWords.create, caught_by)


_WEIGHTS, _TYPED = "codes-are-made-without-weights", "contexts-are-finite-and-typed"
_NULL, _EACH = "null-is-a-fixed-point-of-dropping", "conditions-are-encoded-each-by-itself"
_MANY = "one-condition-serves-many-samples"

MUTANTS = [
    _mutant("codes that are looked up in weights", EmbeddedCodes, _WEIGHTS),
    _mutant("codes that are sorted by weights", WeightedCodes, _WEIGHTS),
    _mutant("contexts centred over the batch", BatchCentred, _EACH),
    _mutant("conditions in another order", SortedRows, _EACH),
    _mutant("a null that is drawn anew", RandomNull, _NULL),
    _mutant("a null of another dtype", DoubleNull, _NULL),
    _mutant("a null of another dtype, by itself", DoubleNull, _TYPED),
    _mutant("a null that isn't a number", NaNNull, _TYPED),
    _mutant("a null of another width", WideNull, _NULL),
    _mutant("a null of two rows", TwoNulls, _NULL),
    _mutant("contexts in single precision", SinglePrecision, _TYPED),
    _mutant("contexts without a graph", Detached, "contexts-are-differentiable"),
    _mutant("words that aren't there", Clamping, "wrong-conditions-are-refused"),
    _mutant("a batch taken for its last condition", LastOnly, _EACH),
    _mutant("a batch taken for its last condition, by n", LastOnly, _MANY),
    _mutant("two rows of one condition", Twice, _MANY),
    _unknown("an unknown condition taken for the last", LastGrade),
    _unknown("an unknown condition that hides others", AllUntold),
    _unknown("an unknown condition that is refused", RefusedGrade),
]
