"""Generators that break what they promise of a part that is told, each in one way."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.space import Space

_CORRELATION = 0.8


class Pair(zoo.Generator, zoo.DensityModel):
    """Two standard normal entries around loc with correlation .8, either told or not.

    Given one entry's distance d from its mean, the other is N(.8 d, 1 − .8²) around its own.
    """

    observes = True

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(2))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        noise = torch.randn(n, 2, generator=call.rng, dtype=self.dtype)
        rest = (1 - _CORRELATION**2) ** 0.5 * noise[:, 1]
        joint = torch.stack([noise[:, 0], _CORRELATION * noise[:, 0] + rest], 1)
        if isinstance(call.observed, Observed):
            known = call.observed.values.to(self.dtype) - self.loc
            mask = call.observed.mask
            other = _CORRELATION * known.flip(1) + rest[:, None]
            joint = torch.where(mask.any(1, keepdim=True), other, joint)
            joint = torch.where(mask, known, joint)
        return self.loc + joint

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        x = z - self.loc
        told = call.observed if isinstance(call.observed, Tensor) else torch.zeros_like(z).bool()
        given = _log_normal(x - _CORRELATION * x.flip(1), 1 - _CORRELATION**2)
        alone = _log_normal(x, 1.0)
        joint = alone[:, 0] + given[:, 1]
        rest = torch.where(told[:, 0], given[:, 1], given[:, 0])
        return torch.where(told.any(1), rest, joint).masked_fill(told.all(1), 0.0)


def _log_normal(x: Tensor, variance: float) -> Tensor:
    return -0.5 * (x**2 / variance + math.log(2 * math.pi * variance))


@final
class SoundPair(Pair):
    architecture = "test/sound-pair"


@final
class Untold(Pair):
    """The rest is drawn as if nothing was told."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, zoo.Call(call.rng))


@final
class FirstMaskForAll(Pair):
    """The mask of the first row is taken for that of every row."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        if isinstance(call.observed, Observed):
            observed = Observed(call.observed.values, call.observed.mask[:1].expand(n, 2))
            return super()._sample(n, zoo.Call(call.rng, observed=observed))
        return super()._sample(n, call)


@final
class WrongSide(Pair):
    """What is told pulls the rest away."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        if isinstance(call.observed, Observed):
            observed = Observed(2 * self.loc - call.observed.values, call.observed.mask)
            return super()._sample(n, zoo.Call(call.rng, observed=observed))
        return super()._sample(n, call)


@final
class Mean(Pair):
    """The rest is its conditional mean, and no draw."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        if not isinstance(call.observed, Observed):
            return super()._sample(n, call)
        known = call.observed.values.to(self.dtype) - self.loc
        return self.loc + _CORRELATION * known.flip(1)


def _mutant(name: str, broken: type[Model], caught_by: str) -> Mutant:
    return Mutant(name, broken.create, SoundPair.create, caught_by)


_FOLLOWS, _KEPT = "the-rest-follows-what-is-observed", "observed-values-are-kept"

MUTANTS = [
    _mutant("a part that is told and ignored", Untold, _FOLLOWS),
    _mutant("a part that is told with the wrong sign", WrongSide, _FOLLOWS),
    _mutant("one row's mask for all", FirstMaskForAll, _FOLLOWS),
    _mutant("a conditional mean for a draw", Mean, _KEPT),
]
