"""Energies and unnormalised densities that break what they promise, each in one way."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.energy import Energy
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.preprocessing import Standardize
from zoo_core.interfaces.space import Space


class Well(Energy, zoo.DensityModel):
    """E(z) = a Σ (z² − 1)² over standardised data: two wells an entry."""

    def _space(self) -> Space:
        return Space.real(2)

    def _preprocessing(self) -> tuple[Any, ...]:
        return (Standardize(),)

    def _build(self) -> None:
        self.depth = nn.Parameter(torch.tensor([0.7, 1.4]))

    def _energy(self, z: Tensor, call: zoo.Call) -> Tensor:
        return (self.depth * (z.square() - 1).square()).sum(1)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return -self._energy(z, call)

    def _density(self, options: Any) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.UNNORMALIZED, "energy"


@final
class SoundWell(Well):
    architecture = "test/sound-well"


@final
class SignWrong(Well):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self._energy(z, call)


@final
class Tempered(Well):
    """log_prob knows of a temperature, the energy doesn't."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return -self._energy(z, call) / 1.1


class Parabola(Energy, zoo.DensityModel):
    """E(z) = ½ ‖z − loc‖², whose log Z is log 2π: an exact density."""

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(2))

    def _energy(self, z: Tensor, call: zoo.Call) -> Tensor:
        return 0.5 * (z - self.loc).square().sum(1)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return -0.5 * (z - self.loc).square().sum(1) - math.log(2 * math.pi)


@final
class SoundParabola(Parabola):
    architecture = "test/sound-parabola"


@final
class Lopsided(Parabola):
    """The energy of an entry is forgotten."""

    def _energy(self, z: Tensor, call: zoo.Call) -> Tensor:
        return 0.5 * (z - self.loc)[:, 0].square()


@final
class Centred(Well):
    """The batch's mean energy is subtracted, in both."""

    def _energy(self, z: Tensor, call: zoo.Call) -> Tensor:
        energy = super()._energy(z, call)
        return energy - energy.mean()


@final
class BatchScaled(Well):
    """log_prob in units of the batch's spread."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        energy = self._energy(z, call)
        return -energy / (energy.std() + 1)


@final
class NormalisedOverTheBatch(Well):
    """The batch stands for the space in the partition function."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return (-self._energy(z, call)).log_softmax(0)


@final
class Underflowing(Well):
    """The logarithm of a product of small numbers."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return (-10 * self._energy(z, call)).exp().log()


@final
class Detached(Well):
    """An entry's part of the energy is out of the graph."""

    def _energy(self, z: Tensor, call: zoo.Call) -> Tensor:
        part = torch.stack([z[:, 0], z[:, 1].detach()], 1)
        return super()._energy(part, call)


@final
class NoGraph(Parabola):
    """log_prob is made under no_grad."""

    @torch.no_grad()
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call)


@final
class RootOfNegative(Well):
    """A NaN that torch.where leaves out of the value, but not of the gradient."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        roots = torch.where(z > 0, z.sqrt(), torch.zeros_like(z))
        return super()._log_prob(z, call) + roots.sum(1)


def _mutant(name: str, broken: type[Model], caught_by: str, sound: type[Model]) -> Mutant:
    return Mutant(name, broken.create, sound.create, caught_by)


_MINUS, _FINITE = "energy-is-minus-log-prob", "energies-are-finite-and-each-rows-own"
_SCORE = "the-gradient-of-log-prob-is-its-derivative"
_FORCE = "the-gradient-of-the-energy-is-its-derivative"

MUTANTS = [
    _mutant("energy's sign wrong", SignWrong, _MINUS, SoundWell),
    _mutant("temperature in one of energy and log_prob", Tempered, _MINUS, SoundWell),
    _mutant("energy of an exact density lacks an entry", Lopsided, _MINUS, SoundParabola),
    _mutant("energy centred on the batch", Centred, _FINITE, SoundWell),
    _mutant(
        "figures scaled by the batch",
        BatchScaled,
        "differences-of-figures-belong-to-two-rows",
        SoundWell,
    ),
    _mutant(
        "figures normalised over the batch",
        NormalisedOverTheBatch,
        "log-prob-does-not-depend-on-the-batch",
        SoundWell,
    ),
    _mutant(
        "unnormalised figures underflow", Underflowing, "unnormalized-figures-are-finite", SoundWell
    ),
    _mutant("a part of the energy detached", Detached, _FORCE, SoundWell),
    _mutant("a part of log_prob detached", Detached, _SCORE, SoundWell),
    _mutant("log_prob without a graph", NoGraph, _SCORE, SoundParabola),
    _mutant("gradient NaN behind torch.where", RootOfNegative, _SCORE, SoundWell),
]
