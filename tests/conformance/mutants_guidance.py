"""Models that take guidance and do something else with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor

import zoo_core as zoo
from conformance.mutant import Mutant
from models.noised_mixture import MixtureDiffusion

TOLD = {"space": zoo.Space.real(2), "conditioner": zoo.Part("core/label", {"classes": 3})}


def sound() -> zoo.Model:
    return MixtureDiffusion.create(**TOLD)


@final
class CountsFromZero(MixtureDiffusion):
    """Reads the scale as w of 1 + w: what should be neutral extrapolates."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, _changed(call, lambda scale: scale + 1))


@final
class OneScale(MixtureDiffusion):
    """Leads all samples by the first one's scale."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, _changed(call, lambda scale: scale[:1].expand(n)))


@final
class NeverAsked(MixtureDiffusion):
    """Takes guidance, and denoises without."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, replace(call, guidance=()))


@final
class WrongOrder(MixtureDiffusion):
    """The last of the list is nearest the network."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, replace(call, guidance=call.guidance[::-1]))


@final
class NullIsTheCondition(MixtureDiffusion):
    """What should be the null's prediction is the condition's."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, _negative(call, call.context))


@final
class NegativeIgnored(MixtureDiffusion):
    """Leads away from null, whatever the negative is."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, _negative(call, self.conditioner.null.expand(n)))


@final
class DrawsOnceMore(MixtureDiffusion):
    """Draws once more where it is guided, so that the noise is another."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        if call.guidance:
            torch.randn(1, generator=call.rng)
        return super()._sample(n, call)


def _changed(call: zoo.Call, scale: Any) -> zoo.Call:
    """Change the scale of each guidance that has one."""
    changed: Any = [replace(g, scale=scale(vars(g)["scale"])) for g in call.guidance]
    return replace(call, guidance=tuple(changed))


def _negative(call: zoo.Call, negative: Any) -> zoo.Call:
    changed: Any = [replace(g, negative=negative) for g in call.guidance]
    return replace(call, guidance=tuple(changed))


CAUGHT = {
    "neutral-guidance-changes-nothing": [CountsFromZero, DrawsOnceMore],
    "guidance-changes-the-samples": [NeverAsked, NullIsTheCondition],
    "every-sample-has-its-own-scale": [OneScale],
    "the-condition-as-negative-changes-nothing": [NegativeIgnored],
    "samples-end-where-guidance-leads": [NeverAsked, WrongOrder],
}
MUTANTS = [
    Mutant(
        f"guidance: {model.__name__} ({check})",
        lambda model=model: model.create(**TOLD),
        sound,
        check,
    )
    for check, models in CAUGHT.items()
    for model in models
]
