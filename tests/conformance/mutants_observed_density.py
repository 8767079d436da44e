"""Densities that break what they promise of a part that is told, each in one way."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.space import Space

_CORRELATION = 0.8


class Coupled(zoo.DensityModel):
    """Two normal entries with correlation .8: given one, the other is N(.8 x, 1 − .8²)."""

    observes = True

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(2))

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        x = z - self.loc
        joint = _log_normal(x[:, 0], 1.0) + self.each(x)[:, 1]
        if not isinstance(call.observed, Tensor):
            return joint
        told = call.observed
        rest = torch.where(told, 0.0, self.each(x)).sum(1)
        return torch.where(told.any(1), rest, joint)

    def each(self, x: Tensor) -> Tensor:
        """Score each entry given the other."""
        return _log_normal(x - _CORRELATION * x.flip(1), 1 - _CORRELATION**2)


def _log_normal(x: Tensor, variance: float) -> Tensor:
    return -0.5 * (x**2 / variance + math.log(2 * math.pi * variance))


@final
class SoundCoupled(Coupled):
    architecture = "test/sound-coupled"


@final
class MaskIgnored(Coupled):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, zoo.Call(call.rng))


@final
class Joint(Coupled):
    """log p(rest, observed): right at both ends, and not divided between."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        joint = super()._log_prob(z, zoo.Call(call.rng))
        every = call.observed.all(1) if isinstance(call.observed, Tensor) else False
        return torch.where(torch.as_tensor(every), 0.0, joint)


@final
class Marginal(Coupled):
    """The rest as if nothing was told."""

    def each(self, x: Tensor) -> Tensor:
        return _log_normal(x, 1.0)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        if isinstance(call.observed, Tensor) and bool(call.observed.any()):
            return super()._log_prob(z, call)
        x = z - self.loc
        return _log_normal(x[:, 0], 1.0) + super().each(x)[:, 1]


@final
class VarianceForgotten(Coupled):
    """Around the conditional mean, with the spread that the rest has when nothing is told."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        if not isinstance(call.observed, Tensor) or not bool(call.observed.any()):
            return super()._log_prob(z, call)
        x = z - self.loc
        rest = _log_normal(x - _CORRELATION * x.flip(1), 1.0)
        return torch.where(call.observed, 0.0, rest).sum(1)


@final
class OtherSide(Coupled):
    """The told entry is scored, and the rest left out."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        if not isinstance(call.observed, Tensor):
            return super()._log_prob(z, call)
        partial = call.observed.any(1) & ~call.observed.all(1)
        turned = torch.where(partial[:, None], ~call.observed, call.observed)
        return super()._log_prob(z, zoo.Call(call.rng, observed=turned))


class Table(zoo.DensityModel):
    """Two codes with a table of probabilities."""

    observes = True

    def _space(self) -> Space:
        return Space.categorical(3, 2)

    def _build(self) -> None:
        self.logits = nn.Parameter(torch.randn(3, 3))

    def table(self) -> Tensor:
        return self.logits.flatten().log_softmax(0).reshape(3, 3)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        joint = self.table()[z[:, 0], z[:, 1]]
        if not isinstance(call.observed, Tensor):
            return joint
        return joint - self.log_known(z, call.observed)

    def log_known(self, z: Tensor, told: Tensor) -> Tensor:
        first, second = self.table().logsumexp(1)[z[:, 0]], self.table().logsumexp(0)[z[:, 1]]
        one = torch.where(told[:, 0], first, torch.where(told[:, 1], second, 0.0))
        return torch.where(told.all(1), self.table()[z[:, 0], z[:, 1]], one)


@final
class SoundTable(Table):
    architecture = "test/sound-table"


@final
class WrongMargin(Table):
    """The table is summed along the other axis."""

    def log_known(self, z: Tensor, told: Tensor) -> Tensor:
        first, second = self.table().logsumexp(0)[z[:, 0]], self.table().logsumexp(1)[z[:, 1]]
        one = torch.where(told[:, 0], first, torch.where(told[:, 1], second, 0.0))
        return torch.where(told.all(1), self.table()[z[:, 0], z[:, 1]], one)


def _mutant(name: str, broken: type[zoo.Model], caught_by: str, sound: type[zoo.Model]) -> Mutant:
    return Mutant(name, broken.create, sound.create, caught_by)


_TRIVIAL = "observing-all-or-nothing-is-trivial"
_REST = "the-rest-is-scored-given-what-is-observed"

MUTANTS = [
    _mutant("observed part ignored in log_prob", MaskIgnored, _TRIVIAL, SoundCoupled),
    _mutant("joint density for the conditional one", Joint, _REST, SoundCoupled),
    _mutant("marginal density for the conditional one", Marginal, _REST, SoundCoupled),
    _mutant("conditional variance forgotten", VarianceForgotten, _REST, SoundCoupled),
    _mutant("observed part scored for the rest", OtherSide, _REST, SoundCoupled),
    _mutant("codes summed along the wrong axis", WrongMargin, _REST, SoundTable),
]
