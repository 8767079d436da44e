"""Models of counts and of mixed tables, each wrong in one way."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor

import zoo_core as zoo
from conformance.mutant import Mutant
from conformance.plain import Lax
from models.counts import Counts
from models.table import Table
from zoo_core.interfaces.space import Space

INTEGRATES = "the-density-integrates-to-one"
FOLLOWS = "samples-follow-the-density"
MISSING = "missing-entries-are-integrated-out"
IN_SPACE = "samples-are-rows-of-the-space"
REFUSED = "values-outside-the-space-are-refused"
DERIVATIVE = "the-gradient-of-log-prob-is-its-derivative"


@final
class ForgottenFactorial(Counts):
    def log_masses(self, x: Tensor) -> Tensor:
        return x * self.log_rate - self.log_rate.exp()


@final
class BitsOfCounts(Counts):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call) * 1.4427


@final
class SharedRate(Counts):
    """Every entry is scored by the rate of the first."""

    def log_masses(self, x: Tensor) -> Tensor:
        rate = self.log_rate[0]
        return x * rate - rate.exp() - torch.lgamma(x + 1.0)


@final
class CutTail(Counts):
    """No count above 4 is drawn."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, call).clamp_max(4)


@final
class Overdispersed(Counts):
    """Rates vary by a fifth between the samples."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        factor = 1 + 0.2 * torch.randn(n, 1, generator=call.rng)
        return torch.poisson(self.log_rate.exp() * factor.clamp_min(0), generator=call.rng)


@final
class NegativeCounts(Counts):
    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, call) - 2


@final
class NoneForMissing(Counts):
    """A count that is missing counts as 0."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.log_masses(z.clamp_min(0)).sum(1)


@final
class LaxCounts(Counts):
    def _space(self) -> Space:
        return Lax.count(self.config.size, missing=True)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z.abs(), call)


@final
class ForgottenColumn(Table):
    """The colour has no part in the density."""

    def log_columns(self, x: Tensor) -> Tensor:
        columns = super().log_columns(x)
        return columns * torch.tensor([1, 0, 1, 1], dtype=x.dtype)[:, None]


@final
class WrongConstant(Table):
    def log_columns(self, x: Tensor) -> Tensor:
        return super().log_columns(x) + torch.tensor([0.01, 0, 0, 0], dtype=x.dtype)[:, None]


@final
class WrongColumn(Table):
    """Whether somebody smokes is read from the visits."""

    def log_columns(self, x: Tensor) -> Tensor:
        visited = (x[:, 2:3] > 0).to(x.dtype)
        return super().log_columns(torch.cat([x[:, :3], visited], 1))


@final
class SwappedClasses(Table):
    """The visits are drawn as those of the other class."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        x, other = super()._sample(n, call), super()._sample(n, call)
        return torch.cat([x[:, :2], other[:, 2:3], x[:, 3:]], 1)


@final
class WideHeights(Table):
    """Heights are drawn 10% too far from 0."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, call) * torch.tensor([1.1, 1, 1, 1], dtype=self.dtype)


@final
class CodesFromOne(Table):
    """Colours are numbered 1, 2, 3 in samples."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, call) + torch.tensor([0, 1, 0, 0], dtype=self.dtype)


@final
class HalfCodes(Table):
    """A mean stands where a count should."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        x = super()._sample(n, call)
        return torch.cat([x[:, :2], x[:, 2:3] + 0.5, x[:, 3:]], 1)


@final
class ZeroForMissing(Table):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z.nan_to_num(0.0), call)


@final
class MissingOfOneClass(Table):
    """What a missing value leaves out is the mean over classes, not each class's own."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        absent = z.isnan()
        columns = self.log_columns(torch.where(absent, 0.0, z))
        joint = torch.where(absent[:, :, None], columns - columns.mean(2, keepdim=True), columns)
        return (joint.sum(1) + self.weights.log_softmax(0)).logsumexp(1)


@final
class DetachedHeight(Table):
    def log_columns(self, x: Tensor) -> Tensor:
        return super().log_columns(torch.cat([x[:, :1].detach(), x[:, 1:]], 1))


@final
class LaxTable(Table):
    def _space(self) -> Space:
        return Lax.parse(super()._space().to_json())

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z.nan_to_num(0.0).clamp(0, 1), call)


def _of(model: type[zoo.Model], **fields: object) -> Callable[[], zoo.Model]:
    return lambda: model.create(seed=1, **fields)


def _counts(name: str, broken: type[zoo.Model], caught_by: str, **fields: object) -> Mutant:
    return Mutant(name, _of(broken, **fields), _of(Counts, **fields), caught_by)


def _table(name: str, broken: type[zoo.Model], caught_by: str) -> Mutant:
    return Mutant(name, _of(broken), _of(Table), caught_by)


MUTANTS = [
    _counts("x! forgotten", ForgottenFactorial, INTEGRATES),
    _counts("x! forgotten, of five counts", ForgottenFactorial, INTEGRATES, size=5),
    _counts("bits for nats of counts", BitsOfCounts, INTEGRATES),
    _counts("one rate for every count", SharedRate, FOLLOWS),
    _counts("one rate for every count, of five", SharedRate, FOLLOWS, size=5),
    _counts("large counts never drawn", CutTail, FOLLOWS),
    _counts("counts drawn with rates that vary", Overdispersed, FOLLOWS),
    _counts("counts drawn with rates that vary, of five", Overdispersed, FOLLOWS, size=5),
    _counts("counts below zero", NegativeCounts, IN_SPACE),
    _counts("0 for a missing count", NoneForMissing, MISSING),
    _counts("counts below zero taken", LaxCounts, REFUSED),
    _table("a column of a table ignored in the density", ForgottenColumn, INTEGRATES),
    _table("a wrong constant of a column", WrongConstant, INTEGRATES),
    _table("a column read for another", WrongColumn, INTEGRATES),
    _table("a column drawn by itself", SwappedClasses, FOLLOWS),
    _table("a column drawn 10% too wide", WideHeights, FOLLOWS),
    _table("codes of a table from 1 on", CodesFromOne, IN_SPACE),
    _table("halves for counts of a table", HalfCodes, IN_SPACE),
    _table("0 for a missing value of a table", ZeroForMissing, MISSING),
    _table("a missing value's class forgotten", MissingOfOneClass, MISSING),
    _table("a real column detached", DetachedHeight, DERIVATIVE),
    _table("any code of a table taken", LaxTable, REFUSED),
]
