"""Classifiers that break what they promise, each in one way."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.matcher import Matcher
from zoo_core.interfaces.noise import Noise

_LABEL = zoo.Part("core/label", {"classes": 3})


class Classes(zoo.DensityModel, Classifier, Matcher):
    """p(x | y) = N(x; m_y, I) of three classes, not equally likely: everything is exact."""

    @final
    class Config(zoo.Config):
        space: zoo.Space
        conditioner: zoo.Part

    config: Config

    def _build(self) -> None:
        self.means = nn.Parameter(torch.randn(3, self.space.size))
        self.logits = nn.Parameter(torch.randn(3))

    @property
    def classes(self) -> int:
        return 3

    def log_each(self, z: Tensor) -> Tensor:
        """log p(x | y), `[n, 3]`."""
        gap = z.flatten(1)[:, None] - self.means
        return -0.5 * (gap.square() + math.log(2 * math.pi)).sum(2)

    def label(self, call: zoo.Call) -> Tensor:
        told: Any = call.context
        vectors = self.conditioner.context([0, 1, 2]).as_vector().to(self.dtype)
        return torch.cdist(told.as_vector(), vectors).argmin(1)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.log_each(z).gather(1, self.label(call)[:, None])[:, 0]

    def _log_class_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return (self.log_each(z) + self.logits).log_softmax(1)

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        log_probs = self._log_class_prob(x, call)
        return log_probs.gather(1, self.label(call)[:, None])[:, 0]


@final
class SoundClasses(Classes):
    architecture = "test/sound-classes"


@final
class Sigmoids(Classes):
    """Each class by itself."""

    def _log_class_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return nn.functional.logsigmoid(self.log_each(z) + self.logits)


@final
class LogJoint(Classes):
    """log p(x, y) for log p(y | x)."""

    def _log_class_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.log_each(z) + self.logits.log_softmax(0)


@final
class PriorAlone(Classes):
    """The data aren't looked at."""

    def _log_class_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.logits.log_softmax(0).expand(len(z), 3)


@final
class BatchStandardized(Classes):
    def log_each(self, z: Tensor) -> Tensor:
        return super().log_each(z - z.mean(0))


@final
class Permuted(Classes):
    """Columns are in another order than labels."""

    def _log_class_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_class_prob(z, call).flip(1)


@final
class LikelihoodForMatch(Classes):
    """A match leaves the classes' frequencies out."""

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        return self._log_prob(x, call)


def _mutant(name: str, broken: type[Classes], caught_by: str) -> Mutant:
    fields = {"space": zoo.Space.real(2), "conditioner": _LABEL}
    return Mutant(
        name, lambda: broken.create(**fields), lambda: SoundClasses.create(**fields), caught_by
    )


_ONE, _ITSELF = "class-probabilities-add-up-to-one", "a-row-is-classified-by-itself"

MUTANTS = [
    _mutant("a sigmoid for each class", Sigmoids, _ONE),
    _mutant("joint probabilities of classes", LogJoint, _ONE),
    _mutant("classes without data", PriorAlone, _ITSELF),
    _mutant("classes relative to the batch", BatchStandardized, _ITSELF),
    _mutant("classes permuted", Permuted, "classes-follow-from-bayes-rule"),
    _mutant(
        "a match without the classes' frequencies",
        LikelihoodForMatch,
        "a-match-is-the-probability-of-the-class",
    ),
]
