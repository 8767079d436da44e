"""Densities that treat missing values wrongly, each in one way."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.space import Space

_CORRELATION = 0.6


class Gapped(zoo.DensityModel):
    """Two normal entries with correlation .6, either of which may be missing."""

    def _space(self) -> Space:
        return Space.real(2, missing=True)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(2))

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        seen = ~z.isnan()
        x = torch.where(seen, z - self.loc, 0.0)
        alone = torch.where(seen, _log_normal(x, 1.0), 0.0).sum(1)
        return torch.where(seen.all(1), self.joint(x), alone)

    def joint(self, x: Tensor) -> Tensor:
        given = x[:, 1] - _CORRELATION * x[:, 0]
        return _log_normal(x[:, 0], 1.0) + _log_normal(given, 1 - _CORRELATION**2)


def _log_normal(x: Tensor, variance: float) -> Tensor:
    return -0.5 * (x**2 / variance + math.log(2 * math.pi * variance))


@final
class SoundGapped(Gapped):
    architecture = "test/sound-gapped"


@final
class ZeroForMissing(Gapped):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.joint(z.nan_to_num(0.0) - self.loc)


@final
class MeanForMissing(Gapped):
    """The column's mean is filled in."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.joint((z - self.loc).nan_to_num(0.0))


@final
class ConditionalVariance(Gapped):
    """An entry that stands alone has the spread that it has beside the other."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        seen = ~z.isnan()
        x = torch.where(seen, z - self.loc, 0.0)
        alone = torch.where(seen, _log_normal(x, 1 - _CORRELATION**2), 0.0).sum(1)
        return torch.where(seen.all(1), self.joint(x), alone)


class GappedTable(zoo.DensityModel):
    """Two codes with a table of probabilities; either may be missing."""

    def _space(self) -> Space:
        return Space.categorical(3, 2, missing=True)

    def _build(self) -> None:
        self.logits = nn.Parameter(torch.randn(3, 3))

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.padded()[z[:, 0], z[:, 1]]

    def padded(self) -> Tensor:
        """Give the table with its sums last, where −1 finds them."""
        table = self.logits.flatten().log_softmax(0).reshape(3, 3)
        table = torch.cat([table, table.logsumexp(0, keepdim=True)], 0)
        return torch.cat([table, table.logsumexp(1, keepdim=True)], 1)


@final
class SoundGappedTable(GappedTable):
    architecture = "test/sound-gapped-table"


@final
class LastCodeForMissing(GappedTable):
    """−1 indexes the last code."""

    def padded(self) -> Tensor:
        return super().padded()[:3, :3]


@final
class MaximumForMissing(GappedTable):
    """The most probable code is filled in."""

    def padded(self) -> Tensor:
        table = super().padded()[:3, :3]
        table = torch.cat([table, table.amax(0, keepdim=True)], 0)
        return torch.cat([table, table.amax(1, keepdim=True)], 1)


def _mutant(name: str, broken: type[zoo.Model], sound: type[zoo.Model]) -> Mutant:
    return Mutant(name, broken.create, sound.create, "missing-entries-are-integrated-out")


MUTANTS = [
    _mutant("zero for a missing value", ZeroForMissing, SoundGapped),
    _mutant("mean for a missing value", MeanForMissing, SoundGapped),
    _mutant("conditional variance beside a missing value", ConditionalVariance, SoundGapped),
    _mutant("last code for a missing one", LastCodeForMissing, SoundGappedTable),
    _mutant("most probable code for a missing one", MaximumForMissing, SoundGappedTable),
]
