"""Matchers that break what they promise, each in one way."""

from __future__ import annotations

from dataclasses import replace
from typing import final

from torch import Tensor

import zoo_core as zoo
from conformance.mutant import Mutant
from models.noised_mixture import ExactMixture
from zoo_core.interfaces.noise import Noise

TOLD = {"space": zoo.Space.real(2), "conditioner": zoo.Part("core/label", {"classes": 3})}


def sound() -> zoo.Model:
    return ExactMixture.create(**TOLD)


@final
class ConditionIgnored(ExactMixture):
    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        null = self.conditioner.null.expand(len(x))
        return super()._match(x, noise, replace(call, context=null))


@final
class DataIgnored(ExactMixture):
    """Conditions have their prior odds, whatever the data are."""

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        return self.log_weight(call.context, len(x))[:, 0] + 0 * x.flatten(1).sum(1)


@final
class SoftmaxOverTheBatch(ExactMixture):
    """As the loss of contrastive training."""

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        return super()._match(x, noise, call).log_softmax(0)


@final
class Tempered(ExactMixture):
    """Divided by a temperature: no log-probability any more."""

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        return super()._match(x, noise, call) / 1.1


@final
class Bits(ExactMixture):
    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        return super()._match(x, noise, call) / 0.6931471805599453


@final
class Probability(ExactMixture):
    """Gives p where log p is meant."""

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        return super()._match(x, noise, call).exp()


@final
class Detached(ExactMixture):
    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        return super()._match(x, noise, call).detach()


@final
class NoiseIgnored(ExactMixture):
    """Says that it knows noise, and takes noised data for clean ones."""

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        return super()._match(x, None, call)


@final
class AlwaysNoisy(ExactMixture):
    """Adds a least level of noise to what it is told."""

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        if noise is not None:
            noise = Noise(noise.alpha, noise.sigma + 0.1)
        return super()._match(x, noise, call)


CAUGHT = {
    "a-match-depends-on-the-condition": [ConditionIgnored, DataIgnored],
    "a-match-does-not-depend-on-the-batch": [SoftmaxOverTheBatch],
    "a-match-is-the-posterior-of-the-condition": [Tempered, Bits, Probability, ConditionIgnored],
    "a-match-carries-gradients": [Detached],
    "without-noise-a-match-is-that-of-the-data": [NoiseIgnored, AlwaysNoisy],
}
MUTANTS = [
    Mutant(
        f"matcher: {model.__name__} ({check})",
        lambda model=model: model.create(**TOLD),
        sound,
        check,
    )
    for check, models in CAUGHT.items()
    for model in models
]
