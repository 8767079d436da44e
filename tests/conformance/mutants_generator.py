"""Generators that break what samples promise, each in one way."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space


class Normal(zoo.Generator):
    """N(loc, scale²) of three independent entries: what a mutant changes one thing of."""

    def _space(self) -> Space:
        return Space.real(3)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(3))
        self.log_scale = nn.Parameter(0.3 * torch.randn(3))

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 3, generator=rng, dtype=self.dtype)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.loc + self.log_scale.exp() * self._noise(n, call.rng)


@final
class SoundNormal(Normal):
    pass


@final
class GlobalNoise(Normal):
    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 3, dtype=self.dtype)


@final
class ConstantSeed(Normal):
    """The rng is ignored for one of its own."""

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        return super()._noise(n, zoo.rng(0))


@final
class SharedNoise(Normal):
    """A part of the noise is the whole batch's: correlation .5 between its rows."""

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        shared = super()._noise(1, rng)
        return (shared + super()._noise(n, rng)) / 2**0.5


@final
class SharedScale(Normal):
    """The rows of a batch have no common mean, but a common scale."""

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        return super()._noise(1, rng).exp() * super()._noise(n, rng)


@final
class Antithetic(Normal):
    """Half of the noise is the other half's negative."""

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        noise = super()._noise(n, rng)
        noise[n // 2 :] = -noise[: n - n // 2]
        return noise


@final
class RepeatedRow(Normal):
    """The last row of a batch is its first."""

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        noise = super()._noise(n, rng)
        noise[-1] = noise[0]
        return noise


@final
class OneDraw(Normal):
    """All rows are one."""

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        return super()._noise(1, rng).expand(n, -1)


@final
class NormalisedNoise(Normal):
    """The noise of a batch has mean 0 and scale 1 exactly."""

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        noise = super()._noise(n, rng)
        return (noise - noise.mean(0)) / noise.std(0, correction=0).clamp_min(1e-3)


@final
class ScaleOfBatch(Normal):
    """The noise is divided by the root of the number of rows."""

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        return super()._noise(n, rng) / n**0.25


@final
class PersistentChain(Normal):
    """A Markov chain goes on where the last call left it."""

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        noise = super()._noise(n, rng)
        before = vars(self).get("state", torch.zeros(3, dtype=self.dtype))
        noise = 0.1 * before.to(self.dtype) + noise
        self.state = noise[-1]
        return noise


@final
class DoublePrecision(Normal):
    """A constant in double precision makes samples float64."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, call) * torch.ones(3, dtype=torch.float64)


@final
class Graph(Normal):
    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        with torch.enable_grad():
            return super()._sample(n, call)


@final
class Inference(Normal):
    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        with torch.inference_mode():
            return super()._sample(n, call)


@final
class AnyOption(zoo.Config):
    model_config = pydantic.ConfigDict(extra="ignore")


@final
class LaxOptions(Normal):
    SampleOptions: ClassVar[type[zoo.Config]] = AnyOption


class Unit(Normal):
    """Numbers of the unit interval, by the logistic function."""

    def _space(self) -> Space:
        return Space.unit(3)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, call).sigmoid()


@final
class SoundUnit(Unit):
    pass


@final
class BeyondUnit(Unit):
    """One sample in a hundred is 1.2."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        x = super()._sample(n, call)
        return torch.where(torch.rand(n, 1, generator=call.rng) < 0.01, 1.2, x)


class Codes(zoo.Generator):
    """Two independent codes of four."""

    def _space(self) -> Space:
        return Space.categorical(4, 2)

    def _build(self) -> None:
        self.logits = nn.Parameter(torch.randn(4))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        chances = self.logits.softmax(0)
        return torch.multinomial(chances, 2 * n, True, generator=call.rng).reshape(n, 2)


@final
class SoundCodes(Codes):
    pass


@final
class ConstantCodes(Codes):
    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, zoo.Call(zoo.rng(0)))


@final
class OneCode(Codes):
    """All rows of a batch are one."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(1, call).expand(n, -1)


@final
class LevelTooMany(Codes):
    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, call) + 1


class Steps(zoo.Generator):
    """Sequences of independent normal steps."""

    def _space(self) -> Space:
        return Space.real(ragged=True)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(()))

    def _sample(self, n: int, call: zoo.Call) -> Ragged:
        lengths = self.steps(n, call)
        noise = torch.randn(int(lengths.sum()), generator=call.rng, dtype=self.dtype)
        return Ragged(self.loc + noise, lengths)

    def steps(self, n: int, call: zoo.Call) -> Tensor:
        return torch.full((n,), 3) if call.lengths is None else call.lengths


@final
class SoundSteps(Steps):
    pass


@final
class LengthsIgnored(Steps):
    def steps(self, n: int, call: zoo.Call) -> Tensor:
        return torch.full((n,), 3)


@final
class LongestForAll(Steps):
    """Every sequence is as long as the longest."""

    def steps(self, n: int, call: zoo.Call) -> Tensor:
        lengths = super().steps(n, call)
        return lengths.max().expand(n)


def _of(sound: type[Model]) -> Callable[[str, type[Model], str], Mutant]:
    def made(name: str, broken: type[Model], caught_by: str) -> Mutant:
        return Mutant(name, broken.create, sound.create, caught_by)

    return made


_normal, _unit, _codes, _steps = map(_of, (SoundNormal, SoundUnit, SoundCodes, SoundSteps))
_SPACE, _INDEPENDENT = "samples-are-rows-of-the-space", "sampled-rows-are-independent"
_SAME, _OTHER = "the-same-rng-gives-the-same-samples", "another-rng-gives-other-samples"

MUTANTS = [
    _normal("noise of the global generator", GlobalNoise, _SAME),
    _normal("samples from a seed of its own", ConstantSeed, _OTHER),
    _codes("codes from a seed of its own", ConstantCodes, _OTHER),
    _normal("noise that a batch shares", SharedNoise, _INDEPENDENT),
    _normal("a scale that a batch shares", SharedScale, _INDEPENDENT),
    _normal("antithetic rows", Antithetic, _INDEPENDENT),
    _normal("a repeated row", RepeatedRow, _INDEPENDENT),
    _normal("one row for all", OneDraw, _INDEPENDENT),
    _normal("noise normalised over the batch", NormalisedNoise, _INDEPENDENT),
    _codes("one row of codes for all", OneCode, _INDEPENDENT),
    _normal(
        "a scale that depends on the number of rows",
        ScaleOfBatch,
        "the-law-of-samples-does-not-depend-on-the-batch-size",
    ),
    _normal("a chain that goes on between calls", PersistentChain, "chunks-joined-are-the-sample"),
    _normal("a chain that goes on, by its rng", PersistentChain, _SAME),
    _normal("samples of another dtype", DoublePrecision, _SPACE),
    _unit("samples beyond the unit interval", BeyondUnit, _SPACE),
    _codes("codes beyond the last", LevelTooMany, _SPACE),
    _normal("samples with a graph", Graph, "sampling-keeps-no-graph"),
    _normal("samples of inference mode", Inference, "sampling-keeps-no-graph"),
    _steps("lengths ignored", LengthsIgnored, "lengths-are-honoured"),
    _steps("all as long as the longest", LongestForAll, "lengths-are-honoured"),
    _normal("any option of sampling", LaxOptions, "what-cannot-be-sampled-is-refused"),
]
