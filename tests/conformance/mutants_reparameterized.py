"""Reparameterised models that break what they promise, each in one way."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.preprocessing import Logit
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Space


class Location(zoo.Generator, zoo.DensityModel, Reparameterized):
    """The logit of x is N(loc, scale²) in each of two entries: what a mutant changes."""

    def _space(self) -> Space:
        return Space.unit(2)

    def _preprocessing(self) -> tuple[Logit, ...]:
        return (Logit(),)

    def _build(self) -> None:
        self.loc = nn.Parameter(0.5 * torch.randn(2))
        self.log_scale = nn.Parameter(torch.tensor([0.9, -0.6]))

    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 2, generator=rng, dtype=self.dtype)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.loc + self.log_scale.exp() * torch.randn(
            n, 2, generator=call.rng, dtype=self.dtype
        )

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.distributions.Normal(self.loc, self.log_scale.exp()).log_prob(z).sum(1)

    def place(self, noise: Tensor) -> Tensor:
        return self.loc + self.log_scale.exp() * noise

    def _rsample(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        noise = self.noise(n, call.rng)
        z = self.place(noise)
        return z, self.score(z, noise, call)

    def score(self, z: Tensor, noise: Tensor, call: zoo.Call) -> Tensor:
        del noise
        return self._log_prob(z, call)


@final
class SoundLocation(Location):
    pass


@final
class DetachedSamples(Location):
    def place(self, noise: Tensor) -> Tensor:
        return super().place(noise).detach()


@final
class DetachedScale(Location):
    """The gradient knows of the location alone."""

    def place(self, noise: Tensor) -> Tensor:
        return self.loc + self.log_scale.detach().exp() * noise


@final
class UnitScale(Location):
    """The scale is forgotten."""

    def place(self, noise: Tensor) -> Tensor:
        return self.loc + noise


@final
class AnotherRow(Location):
    """A sample comes with the density of its neighbour."""

    def score(self, z: Tensor, noise: Tensor, call: zoo.Call) -> Tensor:
        return super().score(z, noise, call).roll(1, 0)


@final
class NoiseDensity(Location):
    """The density is that of the noise: the scale's log-determinant is forgotten."""

    def score(self, z: Tensor, noise: Tensor, call: zoo.Call) -> Tensor:
        return torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum(1)


@final
class DetachedDensity(Location):
    def score(self, z: Tensor, noise: Tensor, call: zoo.Call) -> Tensor:
        return super().score(z, noise, call).detach()


@final
class PathOnlyDensity(Location):
    """The density's own parameters are cut off: the path's gradient alone is left."""

    def score(self, z: Tensor, noise: Tensor, call: zoo.Call) -> Tensor:
        normal = torch.distributions.Normal(self.loc.detach(), self.log_scale.detach().exp())
        return normal.log_prob(z).sum(1)


@final
class ConstantNoise(Location):
    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        return super().noise(n, zoo.rng(0))


@final
class GlobalNoise(Location):
    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 2, dtype=self.dtype)


class Mixture(zoo.Generator, zoo.DensityModel, Reparameterized):
    """Two normal distributions on the line, with implicit gradients: dx = −dF/p.

    (Figurnov et al. 2018, arXiv:1805.08498, section 3.)
    """

    def _space(self) -> Space:
        return Space.real()

    def _build(self) -> None:
        self.logits = nn.Parameter(torch.tensor([0.5, -0.5]))
        self.means = nn.Parameter(torch.tensor([-0.8, 0.8]))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        which = torch.multinomial(self.logits.softmax(0), n, True, generator=call.rng)
        return self.means[which] + torch.randn(n, generator=call.rng, dtype=self.dtype)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        each = torch.distributions.Normal(self.means, 1.0).log_prob(z[:, None])
        return (each + self.logits.log_softmax(0)).logsumexp(1)

    def weights(self) -> Tensor:
        return self.logits.softmax(0)

    def _rsample(self, n: int, call: zoo.Call) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            fixed = self._sample(n, call)
            density = self._log_prob(fixed, call).exp()
        below = (self.weights() * torch.special.ndtr(fixed[:, None] - self.means)).sum(1)
        x = fixed - (below - below.detach()) / density
        return x, self._log_prob(x, call)


@final
class SoundMixture(Mixture):
    pass


@final
class FixedComponents(Mixture):
    """The gradient doesn't know that the weights of the components move."""

    def weights(self) -> Tensor:
        return super().weights().detach()


def _of(sound: type[Model]) -> Callable[[str, type[Model], str], Mutant]:
    def made(name: str, broken: type[Model], caught_by: str) -> Mutant:
        return Mutant(name, broken.create, sound.create, caught_by)

    return made


_location, _mixture = _of(SoundLocation), _of(SoundMixture)
_GRADIENT = "reparameterized-gradients-are-those-of-the-expectation"
_DENSITY, _REPEAT = "their-log-density-is-log-prob", "reparameterized-samples-repeat"

MUTANTS = [
    _location("reparameterised samples without a graph", DetachedSamples, _GRADIENT),
    _location("a scale without a gradient", DetachedScale, _GRADIENT),
    _mixture("weights of a mixture without a gradient", FixedComponents, _GRADIENT),
    _location(
        "reparameterised samples of another scale",
        UnitScale,
        "reparameterized-samples-follow-sample",
    ),
    _location("a density of another row", AnotherRow, _DENSITY),
    _location("a density of the noise", NoiseDensity, _DENSITY),
    _location("a density without a gradient", DetachedDensity, _DENSITY),
    _location("a density with the path's gradient alone", PathOnlyDensity, _DENSITY),
    _location("reparameterised samples from a seed of their own", ConstantNoise, _REPEAT),
    _location("reparameterised samples of the global generator", GlobalNoise, _REPEAT),
]
