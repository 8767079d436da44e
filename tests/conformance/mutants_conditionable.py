"""Models whose conditional means break what they promise, each in one way."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from models.classes import CodedClasses, GaussianClasses
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.space import Space

_CORRELATION = 0.6
_LABEL = zoo.Part("core/label", {"classes": 3})


class Pair(zoo.Generator, zoo.DensityModel, Conditionable):
    """Two normal entries with correlation .6: given one, the other is N(.6 x, 1 − .6²)."""

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(2))

    def moments(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the variance of each entry, the other one known or not."""
        gap = torch.where(mask, values - self.loc, 0.0).flip(1)
        known = mask.flip(1)
        return self.loc + _CORRELATION * gap, torch.where(known, 1 - _CORRELATION**2, 1.0)

    def _conditional_mean(self, values: Tensor, mask: Tensor, call: zoo.Call) -> Tensor:
        return self.moments(values, mask)[0]

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        told = call.observed
        mask = told if isinstance(told, Tensor) else torch.zeros_like(z, dtype=torch.bool)
        first = mask.clone()
        first[:, 0] = True  # the second entry is scored given the first
        before, after = self.entry(z, mask)[:, 0], self.entry(z, first)[:, 1]
        return torch.where(mask[:, 0], 0.0, before) + torch.where(mask[:, 1], 0.0, after)

    def entry(self, z: Tensor, mask: Tensor) -> Tensor:
        mean, variance = self.moments(z, mask)
        return -0.5 * ((z - mean).square() / variance + (2 * math.pi * variance).log())

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        x, mask = torch.zeros(n, 2, dtype=self.dtype), torch.zeros(n, 2, dtype=torch.bool)
        if isinstance(call.observed, Observed):
            x, mask = call.observed.values.to(self.dtype), call.observed.mask
        for entry in (0, 1):
            mean, variance = self.moments(x, mask)
            noise = torch.randn(n, 2, generator=call.rng, dtype=self.dtype)
            drawn = torch.where(mask, x, mean + variance.sqrt() * noise)
            x, mask = torch.stack([drawn[:, 0], x[:, 1]], 1) if entry == 0 else drawn, mask.clone()
            mask[:, entry] = True
        return x


@final
class SoundPair(Pair):
    architecture = "test/sound-pair"


@final
class AllTold(Pair):
    """The values that came along are taken, known or not."""

    def _conditional_mean(self, values: Tensor, mask: Tensor, call: zoo.Call) -> Tensor:
        observed: Any = call.observed
        return self.loc + _CORRELATION * (observed.values.to(self.dtype) - self.loc).flip(1)


@final
class TimesMask(Pair):
    """NaN times 0 is NaN."""

    def _conditional_mean(self, values: Tensor, mask: Tensor, call: zoo.Call) -> Tensor:
        return self.loc + _CORRELATION * (mask * (values - self.loc)).flip(1)


@final
class FirstMask(Pair):
    """The first row's mask is taken for every row's."""

    def _conditional_mean(self, values: Tensor, mask: Tensor, call: zoo.Call) -> Tensor:
        return self.moments(values.nan_to_num(0.0), mask[:1].expand(mask.shape))[0]


@final
class MeanOfBatch(Pair):
    """Missing values are filled in by the mean of the rows that have them."""

    def _conditional_mean(self, values: Tensor, mask: Tensor, call: zoo.Call) -> Tensor:
        filled = values.nanmean(0).expand(values.shape)
        return torch.where(filled.isnan(), self.loc, filled)


@final
class NothingTold(Pair):
    """The mean as if nothing was told."""

    def _conditional_mean(self, values: Tensor, mask: Tensor, call: zoo.Call) -> Tensor:
        return self.loc.expand(values.shape)


class Apart(GaussianClasses):
    """Classes apart from each other."""

    def _build_entries(self, classes: int) -> None:
        super()._build_entries(classes)
        self.loc = nn.Parameter(2.0 * torch.randn(classes, self.space.size))


@final
class SoundGaussians(Apart):
    architecture = "test/sound-gaussians"


@final
class NearestCentre(Apart):
    """The mean of the most probable class."""

    def centres(self, share: Tensor) -> Tensor:
        return self.loc[share.argmax(1)]


@final
class PriorShares(Apart):
    """Classes count by p(y), whatever the known entries are."""

    def centres(self, share: Tensor) -> Tensor:
        return super().centres(self._class_log_prior().exp().expand(share.shape))


@final
class SoundCodes(CodedClasses):
    architecture = "test/sound-codes"


@final
class CountedFromOne(CodedClasses):
    def centres(self, share: Tensor) -> Tensor:
        return super().centres(share) + 1


def _pair(name: str, broken: type[zoo.Model], caught_by: str) -> Mutant:
    return Mutant(name, broken.create, SoundPair.create, caught_by)


def _classes(
    name: str, space: Space, broken: type[zoo.Model], sound: type[zoo.Model], caught_by: str
) -> Mutant:
    fields = {"space": space, "conditioner": _LABEL}
    return Mutant(name, lambda: broken.create(**fields), lambda: sound.create(**fields), caught_by)


_KNOWN = "a-conditional-mean-knows-what-is-known"
_DENSITY = "a-conditional-mean-is-that-of-the-density"
_DRAWS = "draws-given-a-part-have-the-conditional-mean"
_REAL, _CODES = Space.real(3), Space.ordinal(4, 3)

MUTANTS = [
    _pair("a mean that takes every value as known", AllTold, _KNOWN),
    _pair("missing values times zero", TimesMask, _KNOWN),
    _pair("one row's mask for all rows", FirstMask, _KNOWN),
    _pair("missing values filled in from other rows", MeanOfBatch, _KNOWN),
    _pair("a conditional mean as if nothing was told", NothingTold, _DENSITY),
    _classes("the mean of the nearest class", _REAL, NearestCentre, SoundGaussians, _DENSITY),
    _classes("a mean of codes from one on", _CODES, CountedFromOne, SoundCodes, _DENSITY),
    _pair("a mean that draws told a part don't have", NothingTold, _DRAWS),
    _classes("classes by their prior in a mean", _REAL, PriorShares, SoundGaussians, _DRAWS),
    _classes("draws of codes less one", _CODES, CountedFromOne, SoundCodes, _DRAWS),
]
