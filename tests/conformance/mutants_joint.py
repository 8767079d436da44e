"""Models of data and their class that break what they promise, each in one way."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor

import zoo_core as zoo
from conformance.mutant import Mutant
from models.classes import GaussianClasses
from zoo_core.interfaces.fitting import FitReport, FitRequest

_FIELDS = {
    "space": zoo.Space.real(2, missing=True),
    "conditioner": zoo.Part("core/label", {"classes": 3, "missing": True}),
}


@final
class SoundPairs(GaussianClasses):
    architecture = "test/sound-pairs"


@final
class Unnormalized(GaussianClasses):
    """The logits for the classes' log-probabilities."""

    def _class_log_prior(self) -> Tensor:
        return self.logits


@final
class OnePrior(GaussianClasses):
    """One number for all classes."""

    def _class_log_prior(self) -> Tensor:
        return torch.zeros(1, dtype=self.dtype)


@final
class PriorTwice(GaussianClasses):
    """Where nothing is told the classes' probabilities are in the densities already."""

    def _log_prob_each(self, z: Tensor, call: zoo.Call) -> Tensor:
        each = super()._log_prob_each(z, call)
        return each + self._class_log_prior() if call.context is None else each


@final
class ToldAlone(GaussianClasses):
    """The class that is told is scored, and no other."""

    def _log_prob_each(self, z: Tensor, call: zoo.Call) -> Tensor:
        each = super()._log_prob_each(z, call)
        if call.context is None:
            return each
        return each.masked_fill(call.context.as_vector() == 0, -torch.inf)


@final
class JointForEach(GaussianClasses):
    """log p(x, y) for log p(x | y), always."""

    def _log_prob_each(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob_each(z, call) + self._class_log_prior()


@final
class LastClassLost(GaussianClasses):
    """The constant of the last class is left out of its density."""

    def entries(self, z: Tensor) -> Tensor:
        last = torch.arange(self.classes) == self.classes - 1
        return super().entries(z) + 0.5 * math.log(2 * math.pi) * last[:, None]


@final
class EvenClasses(GaussianClasses):
    """Classes are drawn as likely as each other where none is told."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        if call.context is not None:
            return super()._sample(n, call)
        even = torch.randint(self.classes, (n,), generator=call.rng)
        return self.draw(even, call.rng)


@final
class GlobalDraws(GaussianClasses):
    """Draws come from torch's global generator."""

    def draw(self, y: Tensor, rng: torch.Generator) -> Tensor:
        return super().draw(y, torch.default_generator)


@final
class Grouped(GaussianClasses):
    """Samples stand in the order of their classes, not in that of the conditions."""

    def draw(self, y: Tensor, rng: torch.Generator) -> Tensor:
        return super().draw(y.sort().values, rng)


class Fitted(GaussianClasses):
    """Another fit of rows of unknown class."""

    def _fit(self, request: FitRequest) -> FitReport:
        data: Any = request.data
        chosen = self.chosen(data.condition["label"], request)
        codes = type(data.condition)({"label": chosen.clamp_min(0)})
        weight = torch.ones(len(data)) if data.weight is None else data.weight
        batch = zoo.Batch(data.x, codes, weight * (chosen >= 0))
        return super()._fit(FitRequest(batch, None, request.rng))

    def chosen(self, label: Tensor, request: FitRequest) -> Tensor:
        """Choose a class for each row; −1 leaves it out."""
        return label


@final
class UnknownLeftOut(Fitted):
    """Rows of unknown class are left out."""


@final
class UnknownLast(Fitted):
    """−1 counts from the end: the last class."""

    def chosen(self, label: Tensor, request: FitRequest) -> Tensor:
        return label % self.classes


@final
class UnknownNaN(GaussianClasses):
    """Of a row of unknown class the shares are 0 / 0."""

    def prior_of(self, call: zoo.Call) -> Tensor:
        context: Any = call.context
        return context.as_vector().log().log_softmax(1)


@final
class PriorForPosterior(GaussianClasses):
    """Rows of unknown class count by p(y), whatever their data are."""

    @torch.no_grad()
    def step(self, z: Tensor, weight: Tensor, call: zoo.Call) -> float:
        figure = super().step(z, weight, call)
        share = self.prior_of(call).softmax(1) * weight[:, None]
        self.set_entries(z, ~self.space.is_missing(z), share)
        return figure


@final
class Overshooting(GaussianClasses):
    """Each step goes on to where the likelihood falls again."""

    @torch.no_grad()
    def set_entries(self, z: Tensor, known: Tensor, share: Tensor) -> None:
        before = self.loc.clone()
        super().set_entries(z, known, share)
        self.loc.add_(1.2 * (self.loc - before))


def _apart(model: Any) -> zoo.Model:
    """Set classes apart, not equally likely."""
    with torch.no_grad():
        model.logits.copy_(torch.tensor([0.9, 0.1, -0.8]))
        model.loc.copy_(torch.tensor([[-2.0, 0.0], [2.0, 1.0], [0.0, 3.0]]))
    return model


def _mutant(name: str, broken: type[GaussianClasses], caught_by: str) -> Mutant:
    return Mutant(
        name,
        lambda: _apart(broken.create(**_FIELDS)),
        lambda: _apart(SoundPairs.create(**_FIELDS)),
        caught_by,
    )


_ONE, _BAYES = "class-priors-add-up-to-one", "log-joint-is-the-class-and-the-data-given-it"
_UNKNOWN, _WHOLE = "an-unknown-class-is-summed-out", "the-marginal-integrates-to-one"
_MARGINAL, _LAW = "samples-without-a-class-follow-the-marginal", "pairs-follow-the-joint-law"
_TEACH = "rows-of-unknown-class-teach"

MUTANTS = [
    _mutant("logits for log-probabilities of classes", Unnormalized, _ONE),
    _mutant("one log-probability for all classes", OnePrior, _ONE),
    _mutant("class probabilities counted twice", PriorTwice, _BAYES),
    _mutant("no class but the told one scored", ToldAlone, _UNKNOWN),
    _mutant("a joint density for that of each class", JointForEach, _WHOLE),
    _mutant("a last class that isn't normalised", LastClassLost, _WHOLE),
    _mutant("classes drawn evenly", EvenClasses, _MARGINAL),
    _mutant("pairs from the global generator", GlobalDraws, "pairs-are-a-function-of-the-rng"),
    _mutant("samples grouped by class", Grouped, _LAW),
    _mutant("rows of unknown class left out", UnknownLeftOut, _TEACH),
    _mutant("rows of unknown class in the last one", UnknownLast, _TEACH),
    _mutant("rows of unknown class divided by zero", UnknownNaN, _TEACH),
    _mutant("rows of unknown class in all alike", PriorForPosterior, _TEACH),
    _mutant("steps of EM too long", Overshooting, _TEACH),
]
