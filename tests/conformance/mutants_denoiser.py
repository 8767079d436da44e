"""Denoisers that break what they promise, each in one way."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import torch
from torch import Tensor

import zoo_core as zoo
from conformance.mutant import Mutant
from models.noised_mixture import ExactMixture, Mixture
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction

TOLD = {"space": zoo.Space.real(2), "conditioner": zoo.Part("core/label", {"classes": 3})}


def sound() -> zoo.Model:
    return ExactMixture.create(**TOLD)


class Broken(ExactMixture):
    """The exact mixture, from whose right prediction a mutant makes a wrong one."""

    def _denoise(self, x: Tensor, noise: Noise, call: zoo.Call) -> Prediction:
        return self.wrong(super()._denoise(x, noise, call), x, noise)

    def wrong(self, prediction: Prediction, x: Tensor, noise: Noise) -> Prediction:
        raise NotImplementedError


@final
class InconsistentPair(Broken):
    """Eps is smaller than x0 says, as of two networks that don't agree."""

    def wrong(self, prediction: Prediction, x: Tensor, noise: Noise) -> Prediction:
        return Prediction(prediction.x0, 0.9 * prediction.eps)


@final
class ScoreSign(Broken):
    """Eps points to the data, as the score does; x0 follows from it."""

    def wrong(self, prediction: Prediction, x: Tensor, noise: Noise) -> Prediction:
        return Prediction.from_eps(x, -prediction.eps, noise)


@final
class NotItself(Broken):
    """Clean data are cleaned further, and the division by sigma isn't minded."""

    def wrong(self, prediction: Prediction, x: Tensor, noise: Noise) -> Prediction:
        alpha, sigma = noise.over(x)
        x0 = 0.99 * prediction.x0
        return Prediction(x0, (x - alpha * x0) / sigma)


@final
class Shrunk(Broken):
    """Data are shrunk by 10%, as by a penalty on their size; consistent, but not the mean."""

    def wrong(self, prediction: Prediction, x: Tensor, noise: Noise) -> Prediction:
        return Prediction.from_x0(x, 0.9 * prediction.x0, noise)


@final
class Detached(Broken):
    def wrong(self, prediction: Prediction, x: Tensor, noise: Noise) -> Prediction:
        return Prediction(prediction.x0.detach(), prediction.eps.detach())


@final
class GradientAtTheEnd(Broken):
    """`where` hides the 0/0 of the clean end, but not from gradients."""

    def wrong(self, prediction: Prediction, x: Tensor, noise: Noise) -> Prediction:
        alpha, sigma = noise.over(x)
        eps = (x - alpha * prediction.x0) / sigma
        eps = torch.where(sigma == 0, 0.0, eps)
        x0 = torch.where(sigma == 0, x, (x - sigma * eps) / alpha)
        return Prediction(x0, eps)


@final
class BatchCentred(Broken):
    """Centres over the batch, as a normalisation in training mode does."""

    def wrong(self, prediction: Prediction, x: Tensor, noise: Noise) -> Prediction:
        return Prediction.from_x0(x, prediction.x0 - 0.1 * prediction.x0.mean(0), noise)


@final
class NoiseIgnored(ExactMixture):
    """The network isn't told the level."""

    def _denoise(self, x: Tensor, noise: Noise, call: zoo.Call) -> Prediction:
        made = super()._denoise(x, Noise(0.8, 0.6).rows(x), call)
        return Prediction.from_x0(x, made.x0, noise)


@final
class FirstRowsNoise(ExactMixture):
    """The level of the first row is taken for all, as by `float(noise.sigma[0])`."""

    def _denoise(self, x: Tensor, noise: Noise, call: zoo.Call) -> Prediction:
        alpha, sigma = (part[:1] for part in noise.over(x))
        first = Noise(alpha.flatten(), sigma.flatten()).rows(x)
        return Prediction.from_x0(x, super()._denoise(x, first, call).x0, noise)


@final
class ConditionIgnored(ExactMixture):
    """Denoises as if not told, but draws and scores as told."""

    def _denoise(self, x: Tensor, noise: Noise, call: zoo.Call) -> Prediction:
        return super()._denoise(x, noise, replace(call, context=None))


@final
class PathReversed(ExactMixture):
    def _path(self, steps: int) -> list[Noise]:
        return super()._path(steps)[::-1]


@final
class PathStopsShort(ExactMixture):
    """Ends with a little noise, as tables of a thousand betas do."""

    def _path(self, steps: int) -> list[Noise]:
        return [*super()._path(steps)[:-1], Noise(0.9999, 0.01)]


@final
class PathStandsStill(ExactMixture):
    def _path(self, steps: int) -> list[Noise]:
        path = super()._path(steps)
        return [path[0], *path[:-2], path[-1]]


@final
class OtherUnits(Mixture, zoo.Generator, zoo.DensityModel):
    """Denoises halved data, in the units of its network, and forgets to say so."""

    architecture = "test/other-units"
    exact = True

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return 2 * self.mixture.draw(self.log_weight(call.context, n), call.rng)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        weight = self.log_weight(call.context, len(z))
        half = self.mixture.log_joint(z / 2, Noise(1.0, 0.0), weight).logsumexp(1)
        return half - self.space.size * torch.tensor(2.0).log()


CAUGHT = {
    "predictions-make-up-the-noised-data": [InconsistentPair],
    "without-noise-data-are-themselves": [NotItself],
    "a-row-is-denoised-by-itself": [FirstRowsNoise, BatchCentred],
    "the-noise-changes-the-prediction": [NoiseIgnored],
    "the-condition-changes-the-prediction": [ConditionIgnored],
    "predictions-carry-gradients": [Detached, GradientAtTheEnd],
    "the-path-leads-from-noise-to-data": [PathReversed, PathStopsShort, PathStandsStill],
    "the-score-is-the-gradient-of-log-prob": [ScoreSign, OtherUnits],
    "predicted-data-are-the-conditional-mean": [Shrunk, ConditionIgnored, NoiseIgnored, OtherUnits],
}
MUTANTS = [
    Mutant(
        f"denoiser: {model.__name__} ({check})",
        lambda model=model: model.create(**TOLD),
        sound,
        check,
    )
    for check, models in CAUGHT.items()
    for model in models
]
