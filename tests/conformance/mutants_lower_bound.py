"""Bounds that break what they promise, each in one way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.preprocessing import Dequantize
from zoo_core.interfaces.space import Space


class Encoded(zoo.Generator, zoo.DensityModel):
    """x ~ N(W h + b, s²), h ~ N(0, 1), with an encoder that is about right (IWAE, eq. 8)."""

    @final
    class Config(zoo.Config):
        width: pydantic.PositiveInt = 2

    @final
    class LogProbOptions(zoo.Config):
        samples: pydantic.PositiveInt = 1

    config: Config

    def _space(self) -> Space:
        return Space.real(self.config.width)

    def _build(self) -> None:
        self.weight = nn.Parameter(torch.randn(self.space.size))
        self.bias = nn.Parameter(torch.randn(self.space.size))
        self.log_scale = nn.Parameter(torch.tensor(-0.3))
        self.spread = nn.Parameter(torch.tensor(0.7))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        noise = torch.randn(n, self.space.size + 1, generator=call.rng, dtype=self.dtype)
        return self.weight * noise[:, :1] + self.bias + self.log_scale.exp() * noise[:, 1:]

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.average(self.log_weights(z, call.options.samples, call))

    def average(self, weights: Tensor) -> Tensor:
        return weights.logsumexp(0) - math.log(len(weights))

    def log_weights(self, z: Tensor, samples: int, call: zoo.Call) -> Tensor:
        """log p(x, h) − log q(h | x), `[samples, n]`."""
        q = self.encoded(z)
        h = q.loc + q.scale * self.noise(samples, len(z), call)
        return self.log_likelihood(z, h) + self.log_prior(h) - q.log_prob(h)

    def encoded(self, z: Tensor) -> torch.distributions.Normal:
        """Give q(h | x): the posterior has s² for the 1 here, and is narrower."""
        scale = 1 + self.weight.square().sum()
        return torch.distributions.Normal((z - self.bias) @ self.weight / scale, self.spread)

    def noise(self, samples: int, n: int, call: zoo.Call) -> Tensor:
        return torch.randn(samples, n, generator=call.rng, dtype=self.dtype)

    def log_likelihood(self, z: Tensor, h: Tensor) -> Tensor:
        mean = h[..., None] * self.weight + self.bias
        return torch.distributions.Normal(mean, self.log_scale.exp()).log_prob(z).sum(-1)

    def log_prior(self, h: Tensor) -> Tensor:
        return torch.distributions.Normal(0.0, 1.0).log_prob(h)

    def _density(self, options: Any) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.LOWER_BOUND, f"IWAE-{options.samples}"


@final
class SoundBound(Encoded):
    architecture = "test/sound-bound"


@final
class WrongSign(Encoded):
    """log p(x | h) plus what the posterior differs by from the prior."""

    def log_weights(self, z: Tensor, samples: int, call: zoo.Call) -> Tensor:
        q = self.encoded(z)
        h = q.loc + q.scale * self.noise(samples, len(z), call)
        return self.log_likelihood(z, h) - self.log_prior(h) + q.log_prob(h)


@final
class PriorForgotten(Encoded):
    def log_prior(self, h: Tensor) -> Tensor:
        return torch.zeros_like(h)


@final
class ConstantForgotten(Encoded):
    """The likelihood without ½ log 2π for each entry."""

    def log_likelihood(self, z: Tensor, h: Tensor) -> Tensor:
        return super().log_likelihood(z, h) + self.space.size * 0.5 * math.log(2 * math.pi)


@final
class SquaredError(Encoded):
    """The mean over entries for their sum."""

    def log_likelihood(self, z: Tensor, h: Tensor) -> Tensor:
        return super().log_likelihood(z, h) / self.space.size


@final
class SumOfWeights(Encoded):
    """The sum of the weights for their mean: right for one sample alone."""

    def average(self, weights: Tensor) -> Tensor:
        return weights.logsumexp(0)


@final
class MeanOfLogarithms(Encoded):
    def average(self, weights: Tensor) -> Tensor:
        return weights.mean(0)


@final
class SamplesIgnored(Encoded):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.average(self.log_weights(z, 1, call))


@final
class OneNoise(Encoded):
    """All samples of a row are the same one."""

    def noise(self, samples: int, n: int, call: zoo.Call) -> Tensor:
        return super().noise(1, n, call).expand(samples, n)


class Known(Encoded):
    """N(b, W Wᵀ + s² I), which the bound is below."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        noise = (2 * self.log_scale).exp() * torch.eye(self.space.size, dtype=self.dtype)
        covariance = torch.outer(self.weight, self.weight) + noise
        return torch.distributions.MultivariateNormal(self.bias, covariance).log_prob(z)

    def _density(self, options: Any) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.EXACT, ""


@final
class SoundKnown(Known):
    architecture = "test/sound-known"


@final
class BoundCalledExact(Known):
    """The bound in closed form: log p less the divergence of q from the posterior."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        q, variance = self.encoded(z), (2 * self.log_scale).exp()
        total = variance + self.weight.square().sum()
        mean = (z - self.bias) @ self.weight / total
        posterior = torch.distributions.Normal(mean, (variance / total).sqrt())
        return super()._log_prob(z, call) - torch.distributions.kl_divergence(q, posterior)


@final
class NoiseCalledExact(Encoded):
    """One draw of the bound."""

    def _density(self, options: Any) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.EXACT, ""


class Dequantized(zoo.DensityModel):
    """z = (x + u)/3 of codes x, under independent densities 1 + a (z − ½) between 0 and 1."""

    def _space(self) -> Space:
        return Space.ordinal(3, 2)

    def _preprocessing(self) -> tuple[Any, ...]:
        return (Dequantize(),)

    def _build(self) -> None:
        self.slope = nn.Parameter(torch.tensor([1.6, -0.9]))

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.log1p(self.slope * (z - 0.5)).sum(1)


@final
class SoundDequantized(Dequantized):
    architecture = "test/sound-dequantized"


@final
class DequantisationUncounted(Dequantized):
    """The density of (x + u)/3 given as that of x + u, as if the division had no slope."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call) + self.space.size * math.log(3)


@final
class BitsForNats(Encoded):
    """log₂ where the natural logarithm is meant, so that low figures are lower and high higher."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call) * math.log(2)


def _wide(broken: type[Encoded]) -> Mutant:
    """More dimensions than a grid is for."""
    return Mutant(
        "likelihood's mean over many entries in a bound",
        lambda: broken.create(width=6),
        lambda: SoundBound.create(width=6),
        _AT_MOST_ONE,
    )


def _mutant(
    name: str,
    broken: type[Model],
    caught_by: str,
    sound: Callable[[], Model] = SoundBound.create,
) -> Mutant:
    return Mutant(name, broken.create, sound, caught_by)


_AT_MOST_ONE, _RISES = "the-bound-integrates-to-at-most-one", "the-bound-rises-with-samples"

MUTANTS = [
    _mutant("bound with the divergence's sign wrong", WrongSign, _AT_MOST_ONE),
    _mutant("bound without the prior", PriorForgotten, _AT_MOST_ONE),
    _mutant("bound without a constant", ConstantForgotten, _AT_MOST_ONE),
    _mutant("likelihood's mean over entries in a bound", SquaredError, _AT_MOST_ONE),
    _wide(SquaredError),
    _mutant("weights summed for averaged", SumOfWeights, _AT_MOST_ONE),
    _mutant("bound in bits", BitsForNats, _AT_MOST_ONE),
    _mutant(
        "dequantisation not counted in a bound",
        DequantisationUncounted,
        _AT_MOST_ONE,
        SoundDequantized.create,
    ),
    _mutant(
        "bound reported as exact",
        BoundCalledExact,
        "the-density-integrates-to-one",
        SoundKnown.create,
    ),
    _mutant(
        "noisy bound reported as exact",
        NoiseCalledExact,
        "samples-follow-the-density",
        SoundKnown.create,
    ),
    _mutant("logarithms of weights averaged", MeanOfLogarithms, _RISES),
    _mutant("number of samples ignored", SamplesIgnored, _RISES),
    _mutant("one noise for all samples", OneNoise, _RISES),
]
