"""Models whose fit breaks what it promises, each in one way."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from conformance.plain import Lax
from zoo_core.errors import DataError
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.space import Space


def _report() -> FitReport:
    return FitReport(steps=1, seconds=0.0, stopped=StopReason.FINISHED)


class ClosedForm(zoo.DensityModel):
    """N(loc, scale²) of two entries, fitted by its weighted moments: what a mutant changes."""

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(2))
        self.log_scale = nn.Parameter(0.3 * torch.randn(2))

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.distributions.Normal(self.loc, self.log_scale.exp()).log_prob(z).sum(1)

    def _fit(self, request: FitRequest) -> FitReport:
        x, weight = self.rows(request.data)
        self.set_moments(x, weight / weight.sum())
        return _report()

    def rows(self, data: Any) -> tuple[Tensor, Tensor]:
        x = data.x.to(self.dtype)
        return x, self.weights(data.weight, len(x)).to(self.dtype)

    def weights(self, weight: Tensor | None, n: int) -> Tensor:
        return torch.ones(n) if weight is None else weight

    @torch.no_grad()
    def set_moments(self, x: Tensor, share: Tensor) -> None:
        mean = share @ x
        self.loc.copy_(mean)
        self.log_scale.copy_((share @ (x - mean) ** 2).log() / 2)


@final
class SoundClosedForm(ClosedForm):
    pass


@final
class NoFit(ClosedForm):
    """The fit does nothing."""

    def set_moments(self, x: Tensor, share: Tensor) -> None:
        pass


@final
class WrongSign(ClosedForm):
    """The fit sets the mean with the wrong sign."""

    @torch.no_grad()
    def set_moments(self, x: Tensor, share: Tensor) -> None:
        super().set_moments(x, share)
        self.loc.neg_()


@final
class WeightsIgnored(ClosedForm):
    def weights(self, weight: Tensor | None, n: int) -> Tensor:
        return torch.ones(n)


@final
class WeightsSquared(ClosedForm):
    def weights(self, weight: Tensor | None, n: int) -> Tensor:
        return super().weights(weight, n) ** 2


@final
class HalfWeights(ClosedForm):
    """Where weights come, an imagined row comes too."""

    @torch.no_grad()
    def _fit(self, request: FitRequest) -> FitReport:
        report = super()._fit(request)
        if getattr(request.data, "weight", None) is not None:
            self.loc.mul_(0.99)
        return report


@final
class UnseededHalf(ClosedForm):
    """The moments are those of a half of the rows, chosen by the global generator."""

    def set_moments(self, x: Tensor, share: Tensor) -> None:
        half = torch.randperm(len(x))[: len(x) // 2]
        super().set_moments(x[half], share[half] / share[half].sum())


@final
class NaNFitted(ClosedForm):
    """NaN is taken as it comes."""

    def _space(self) -> Space:
        return Lax.real(2)


@final
class RefusedTooLate(ClosedForm):
    """Bad rows are found after the tensors have been set back to their beginning."""

    def _space(self) -> Space:
        return Lax.real(2)

    def _fit(self, request: FitRequest) -> FitReport:
        with torch.no_grad():
            self.loc.zero_()
        x, _ = self.rows(request.data)
        if x.ndim != 2 or not len(x) or not bool(x.isfinite().all()):
            raise DataError("Rows are two finite numbers", received=tuple(x.shape))
        return super()._fit(request)


@final
class ModeLeft(ClosedForm):
    """A refused fit leaves the model in training mode."""

    def _space(self) -> Space:
        return Lax.real(2)

    def _fit(self, request: FitRequest) -> FitReport:
        self.train()
        x, _ = self.rows(request.data)
        if x.ndim != 2 or not len(x) or not bool(x.isfinite().all()):
            raise DataError("Rows are two finite numbers", received=tuple(x.shape))
        self.eval()
        return super()._fit(request)


class Trained(zoo.DensityModel):
    """N(loc, scale²) of two entries, trained by gradient."""

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.zeros(2))
        self.log_scale = nn.Parameter(torch.zeros(2))

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.distributions.Normal(self.loc, self.log_scale.exp()).log_prob(z).sum(1)


@final
class SoundTrained(Trained):
    architecture = "test/sound-trained"


@final
class Ascending(Trained):
    """The loss is log_prob itself."""

    def _loss(self, batch: zoo.Batch, call: zoo.Call) -> Tensor:
        return -super()._loss(batch, call)


@final
class UnseededScale(Trained):
    """The loss scales rows by Python's generator, which no rng and no trainer seeds."""

    def _loss(self, batch: zoo.Batch, call: zoo.Call) -> Tensor:
        x = batch.x
        assert isinstance(x, Tensor)
        return super()._loss(zoo.Batch(x * random.random()), call)


def _of(sound: type[Model]) -> Callable[[str, type[Model], str], Mutant]:
    def made(name: str, broken: type[Model], caught_by: str) -> Mutant:
        return Mutant(name, broken.create, sound.create, caught_by)

    return made


_closed, _trained = _of(SoundClosedForm), _of(SoundTrained)
_IMPROVES, _REPEATS = "fitting-improves-the-held-out-figure", "a-seeded-fit-repeats-to-the-bit"
_TWICE, _ONES = "a-weight-of-two-is-a-row-twice", "weights-of-one-change-nothing"
_REFUSED = "bad-data-are-refused-before-anything-changes"

MUTANTS = [
    _closed("a fit that does nothing", NoFit, _IMPROVES),
    _closed("a fit with the wrong sign", WrongSign, _IMPROVES),
    _trained("a loss with the wrong sign", Ascending, _IMPROVES),
    _closed("a fit of rows chosen without seed", UnseededHalf, _REPEATS),
    _trained("a loss that draws without seed", UnseededScale, _REPEATS),
    _closed("weights ignored by a fit", WeightsIgnored, _TWICE),
    _closed("weights squared by a fit", WeightsSquared, _TWICE),
    _closed("weights of one that change the fit", HalfWeights, _ONES),
    _closed("a fit of NaN", NaNFitted, _REFUSED),
    _closed("a refusal after a change", RefusedTooLate, _REFUSED),
    _closed("a refusal that leaves the mode changed", ModeLeft, _REFUSED),
]
