"""Models whose densities or samples are wrong, each in one way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from models.blobs import Blobs
from models.levels import Levels

INTEGRATES = "the-density-integrates-to-one"
FOLLOWS = "samples-follow-the-density"
SHUFFLED = "log-prob-of-shuffled-rows-is-shuffled"
NUMBER = "log-prob-of-far-rows-is-a-number"
GRADIENT = "the-gradient-is-finite"


@final
class SoundBlobs(Blobs):
    architecture = "test/blobs"


@final
class DroppedLogDeterminant(Blobs):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.log_mixture(self.white(z))


@final
class ForgottenConstant(Blobs):
    def constant(self) -> float:
        return 0.0


@final
class Bits(Blobs):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call) / math.log(2)


@final
class Tempered(Blobs):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return 1.05 * super()._log_prob(z, call)


@final
class IgnoredEntry(Blobs):
    """The last entry has no part in the density."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.distributions.Normal(self.shift[0], 1.0).log_prob(z[:, 0])


@final
class HiddenMass(Blobs):
    """A twentieth of the density is in a mode of its own, that samples never reach."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        away = self.log_normal(self.white(z) + 8.0) - self.log_scale.sum()
        return torch.logaddexp(super()._log_prob(z, call), math.log(0.05) + away)


@final
class LostMode(Blobs):
    """The second mode, a tenth of the density, is never sampled."""

    def other(self, n: int, call: zoo.Call) -> Tensor:
        return torch.zeros(n, 1, dtype=torch.bool)


@final
class Contaminated(Blobs):
    """Two rows in a hundred are drawn three times as wide."""

    def noise(self, n: int, call: zoo.Call) -> Tensor:
        wide = torch.rand(n, 1, generator=call.rng) < 0.02
        return torch.where(wide, 3.0, 1.0) * super().noise(n, call)


@final
class WrongScale(Blobs):
    """Samples are 5% too far from their centre."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.shift + 1.05 * (super()._sample(n, call) - self.shift)


@final
class StudentTails(Blobs):
    """The noise has Student's tails of 5 degrees of freedom, and the right variance."""

    def noise(self, n: int, call: zoo.Call) -> Tensor:
        square = torch.randn(n, 1, 5, generator=call.rng).square().mean(-1).to(self.dtype)
        return super().noise(n, call) / square.sqrt() * math.sqrt(3 / 5)


@final
class LostCorrelation(Blobs):
    def noise(self, n: int, call: zoo.Call) -> Tensor:
        factor = self.get_buffer("factor")
        spread = factor.square().sum(1).sqrt()
        noise = spread * super().noise(n, call)
        return torch.linalg.solve_triangular(factor, noise.T, upper=False).T


@final
class OrderDependent(Blobs):
    """The first row of a batch counts as seen before."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        first = torch.arange(len(z)) == 0
        return super()._log_prob(z, call) + 0.01 * first


@final
class CornerGradient(Blobs):
    """A norm whose gradient isn't a number at zero."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call) + 0.0 * z.square().sum(1).sqrt()


@final
class NaNParameter(Blobs):
    """The gradient of a parameter isn't a number, however finite those of x are."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        zero = (self.shift - self.shift.detach()).square().sum().sqrt()
        return super()._log_prob(z, call) + 0.0 * zero


class Logistic(zoo.Generator, zoo.DensityModel):
    """The standard logistic distribution, of one number."""

    def _space(self) -> zoo.Space:
        return zoo.Space.real(1)

    def _build(self) -> None:
        self.shift = nn.Parameter(torch.tensor(0.4))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        u = torch.rand(n, 1, generator=call.rng, dtype=self.dtype).clamp(1e-9, 1 - 1e-7)
        return self.shift + u.logit()

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        y = (z - self.shift)[:, 0]
        return nn.functional.logsigmoid(y) + nn.functional.logsigmoid(-y)


@final
class SoundLogistic(Logistic):
    pass


@final
class OverflowingLogistic(Logistic):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        e = (z - self.shift)[:, 0].exp()
        return (e / (1 + e) ** 2).log()


class Wrapped(zoo.Generator, zoo.DensityModel):
    """A normal variable on the circle, wrapped so often that nothing is left."""

    turns = 3

    def _space(self) -> zoo.Space:
        return zoo.Space.angle(1)

    def _build(self) -> None:
        self.shift = nn.Parameter(torch.tensor(1.5))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        x = self.shift + torch.randn(n, 1, generator=call.rng, dtype=self.dtype)
        return torch.remainder(x + math.pi, 2 * math.pi) - math.pi

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        turns = 2 * math.pi * torch.arange(-self.turns, self.turns + 1, dtype=self.dtype)
        return torch.distributions.Normal(self.shift, 1.0).log_prob(z + turns).logsumexp(1)


@final
class SoundWrapped(Wrapped):
    pass


@final
class Unwrapped(Wrapped):
    """What lies beyond π is left out of the density."""

    turns = 0


class Share(zoo.Generator, zoo.DensityModel):
    """A logistic-normal variable between 0 and 1."""

    def _space(self) -> zoo.Space:
        return zoo.Space.unit(2)

    def _build(self) -> None:
        self.shift = nn.Parameter(torch.tensor([0.5, -1.0]))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        noise = torch.randn(n, 2, generator=call.rng, dtype=self.dtype)
        return (self.shift + noise).sigmoid()

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        z = z.clamp(1e-300, 1 - 1e-16)
        normal = torch.distributions.Normal(self.shift, 1.0).log_prob(z.logit())
        return (normal - self.slope(z)).sum(1)

    def slope(self, z: Tensor) -> Tensor:
        return z.log() + torch.log1p(-z)


@final
class SoundShare(Share):
    pass


@final
class ForgottenLogit(Share):
    def slope(self, z: Tensor) -> Tensor:
        return torch.zeros_like(z)


@final
class SoundLevels(Levels):
    architecture = "test/levels"


@final
class UncountedDequantisation(Levels):
    """A density of x/K, which is K times the mass."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call) + z.shape[1] * math.log(self.config.levels)


@final
class OffByALevel(Levels):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob((z + 1) % self.config.levels, call)


@final
class ForgottenStep(Levels):
    """Samples are drawn as though codes didn't know of each other."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        rows = super()._sample(n, call)
        return torch.stack([column[torch.randperm(n, generator=call.rng)] for column in rows.T], 1)


def _of(model: type[zoo.Model], **fields: object) -> Callable[[], zoo.Model]:
    return lambda: model.create(seed=1, **fields)


def _blobs(name: str, broken: type[zoo.Model], caught_by: str, **fields: object) -> Mutant:
    return Mutant(name, _of(broken, **fields), _of(SoundBlobs, **fields), caught_by)


def _levels(name: str, broken: type[zoo.Model], caught_by: str, **fields: object) -> Mutant:
    return Mutant(name, _of(broken, **fields), _of(SoundLevels, **fields), caught_by)


MUTANTS = [
    _blobs("log-determinant dropped", DroppedLogDeterminant, INTEGRATES),
    _blobs("log-determinant dropped, of one number", DroppedLogDeterminant, INTEGRATES, size=1),
    _blobs("log-determinant dropped, of six", DroppedLogDeterminant, INTEGRATES, size=6),
    _blobs("2π forgotten", ForgottenConstant, INTEGRATES),
    _blobs("2π forgotten, of six", ForgottenConstant, INTEGRATES, size=6),
    _blobs("bits for nats", Bits, INTEGRATES),
    _blobs("bits for nats, of six", Bits, INTEGRATES, size=6),
    _blobs("log_prob times 1.05", Tempered, INTEGRATES),
    _blobs("log_prob times 1.05, of six", Tempered, INTEGRATES, size=6),
    _blobs("an entry ignored in the density", IgnoredEntry, INTEGRATES),
    _blobs("mass where no sample falls", HiddenMass, INTEGRATES),
    Mutant("what lies beyond π left out", _of(Unwrapped), _of(SoundWrapped), INTEGRATES),
    Mutant("slope of the logit forgotten", _of(ForgottenLogit), _of(SoundShare), INTEGRATES),
    _levels("dequantisation not counted", UncountedDequantisation, INTEGRATES),
    _levels("dequantisation not counted, of 12", UncountedDequantisation, INTEGRATES, size=12),
    _blobs("a mode lost in sampling", LostMode, FOLLOWS, weight=0.1),
    _blobs("a mode lost in sampling, of one number", LostMode, FOLLOWS, weight=0.1, size=1),
    _blobs("a mode lost in sampling, of six", LostMode, FOLLOWS, weight=0.1, size=6),
    _blobs("2% of the samples three times as wide", Contaminated, FOLLOWS),
    _blobs("2% three times as wide, of one number", Contaminated, FOLLOWS, size=1),
    _blobs("2% three times as wide, of six", Contaminated, FOLLOWS, size=6),
    _blobs("samples 5% too wide", WrongScale, FOLLOWS),
    _blobs("samples 5% too wide, of one number", WrongScale, FOLLOWS, size=1),
    _blobs("samples 5% too wide, of six", WrongScale, FOLLOWS, size=6),
    _blobs("Student's tails in sampling", StudentTails, FOLLOWS),
    _blobs("a correlation lost in sampling", LostCorrelation, FOLLOWS),
    _blobs("a correlation lost in sampling, of six", LostCorrelation, FOLLOWS, size=6),
    _levels("masses off by a level", OffByALevel, FOLLOWS),
    _levels("masses off by a level, of 12", OffByALevel, FOLLOWS, size=12),
    _levels("codes sampled by themselves", ForgottenStep, FOLLOWS),
    _levels("codes sampled by themselves, of 12", ForgottenStep, FOLLOWS, size=12),
    _blobs("the first row scored otherwise", OrderDependent, SHUFFLED),
    _blobs("a gradient that is NaN at zero", CornerGradient, GRADIENT),
    _blobs("a parameter's gradient that is NaN", NaNParameter, GRADIENT),
    Mutant("NaN far from the data", _of(OverflowingLogistic), _of(SoundLogistic), NUMBER),
]
