"""Estimates that are biased beyond their noise, each in one way."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.space import Space

_NOISE = 0.2


@final
class Way(StrEnum):
    """How log_prob is got."""

    EXACT = "exact"
    ESTIMATED = "estimated"


class Estimated(zoo.DensityModel):
    """N(loc, scale²) of two entries, plus normal noise: its figures are right on average."""

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(2))
        self.log_scale = nn.Parameter(0.3 * torch.randn(2))

    def exact(self, z: Tensor) -> Tensor:
        return torch.distributions.Normal(self.loc, self.log_scale.exp()).log_prob(z).sum(1)

    def noise(self, n: int, call: zoo.Call) -> Tensor:
        return _NOISE * torch.randn(n, generator=call.rng, dtype=self.dtype)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.exact(z) + self.noise(len(z), call)

    def _density(self, options: Any) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.ESTIMATE, "noise"


@final
class SoundEstimate(Estimated):
    architecture = "test/sound-estimate"


@final
class Unbiased(Estimated):
    """The mean of exp is the density, as of importance sampling."""

    architecture = "test/unbiased-estimate"

    def noise(self, n: int, call: zoo.Call) -> Tensor:
        return super().noise(n, call) - _NOISE**2 / 2


@final
class Shared(Estimated):
    """One noise a call, and the mean of exp(−L) is 1/p, as of an estimated partition function."""

    architecture = "test/shared-estimate"

    def noise(self, n: int, call: zoo.Call) -> Tensor:
        return super().noise(1, call).expand(n) + _NOISE**2 / 2


@final
class TooLow(Estimated):
    def noise(self, n: int, call: zoo.Call) -> Tensor:
        return super().noise(n, call) - 0.15


@final
class TooHigh(Estimated):
    def noise(self, n: int, call: zoo.Call) -> Tensor:
        return super().noise(n, call) + 0.15


@final
class Squeezed(Estimated):
    """A bias that grows away from the centre."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call) - 0.2 * (z - self.loc).square().sum(1)


class Optional(Estimated):
    """Exact, unless an estimate is asked for."""

    @final
    class LogProbOptions(zoo.Config):
        way: Way = Way.EXACT

    def noise(self, n: int, call: zoo.Call) -> Tensor:
        noise = super().noise(n, call)
        return noise if call.options.way is Way.ESTIMATED else torch.zeros_like(noise)

    def _density(self, options: Any) -> tuple[zoo.DensityKind, str]:
        exact = options.way is Way.EXACT
        return (zoo.DensityKind.EXACT if exact else zoo.DensityKind.ESTIMATE), options.way


@final
class SoundOption(Optional):
    architecture = "test/sound-option"


@final
class BiasedOption(Optional):
    """Right by default, and biased where an estimate is asked for."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        bias = 0.15 if call.options.way is Way.ESTIMATED else 0.0
        return super()._log_prob(z, call) + bias


def _mutant(name: str, broken: type[Estimated], sound: type[Estimated]) -> Mutant:
    return Mutant(name, broken.create, sound.create, "the-estimate-is-unbiased-within-its-noise")


MUTANTS = [
    _mutant("estimate biased downwards", TooLow, SoundEstimate),
    _mutant("estimate biased upwards", TooHigh, Unbiased),
    _mutant("estimate biased in the tails", Squeezed, Shared),
    _mutant("an option's estimate biased", BiasedOption, SoundOption),
]
