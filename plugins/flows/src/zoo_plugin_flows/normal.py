"""Normal: a multivariate normal distribution as a model, fixed or trained."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any, ClassVar, Self, final

import pydantic
import torch
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Kind, Space


@final
class Covariance(StrEnum):
    """`diagonal`: independent entries. `full`: any covariance, by its Cholesky factor."""

    DIAGONAL = "diagonal"
    FULL = "full"


def real_space(space: Space, what: str) -> Space:
    """Check a space of real arrays without missing values; a validator's work."""
    if space.kind is not Kind.REAL or space.ragged or space.missing or not space.size:
        raise ValueError(f"{what} is a model of real arrays with no missing values")
    return space


@final
class NormalConfig(configuration.Config):
    """Fields of a normal distribution.

    space: what one sample is. mean, scale: where the distribution starts, or stays: a number for
    all entries, or one for each. covariance: diagonal or full. trainable: whether mean and
    covariance are parameters; else they are fixed.
    """

    space: Space
    mean: float | tuple[float, ...] = 0.0
    scale: pydantic.PositiveFloat | tuple[pydantic.PositiveFloat, ...] = 1.0
    covariance: Covariance = Covariance.DIAGONAL
    trainable: bool = True

    @pydantic.model_validator(mode="after")
    def _one_for_each(self) -> Self:
        real_space(self.space, "a normal distribution")
        for name, given in (("mean", self.mean), ("scale", self.scale)):
            if isinstance(given, tuple) and len(given) != self.space.size:
                raise ValueError(f"{name} is a number, or one for each of {self.space.size}")
        return self


@final
class Normal(Generator, DensityModel, Reparameterized):
    """N(μ, L Lᵀ), L triangular with a positive diagonal: samples are μ + L ε."""

    architecture: ClassVar[str] = "flows/normal"
    Config: ClassVar[type[configuration.Config]] = NormalConfig

    config: NormalConfig
    mean: Tensor
    log_scale: Tensor

    def _build(self) -> None:
        size, config = self.space.size, self.config
        self._hold("mean", torch.tensor(config.mean).expand(size).clone())
        self._hold("log_scale", torch.tensor(config.scale).expand(size).log())
        if config.covariance is Covariance.FULL:
            self._hold("below", torch.zeros(size, size))

    def _hold(self, name: str, value: Tensor) -> None:
        """Keep a tensor as a parameter, or as a buffer where nothing is trained."""
        if self.config.trainable:
            self.register_parameter(name, nn.Parameter(value))
        else:
            self.register_buffer(name, value)

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        centred = z.reshape(len(z), -1) - self.mean
        factor = self._factor()
        if factor is None:
            noise = centred * (-self.log_scale).exp()
        else:
            noise = torch.linalg.solve_triangular(factor, centred.mT, upper=False).mT
        return self._noise_log_prob(noise) - self.log_scale.sum()

    def _sample(self, n: int, call: Call) -> Tensor:
        return self._rsample(n, call)[0]

    def _rsample(self, n: int, call: Call) -> tuple[Tensor, Tensor]:
        noise = torch.empty(n, self.space.size, device=self.device, dtype=self.dtype)
        noise = noise.normal_(generator=call.rng)
        factor = self._factor()
        spread = noise * self.log_scale.exp() if factor is None else noise @ factor.mT
        log_prob = self._noise_log_prob(noise) - self.log_scale.sum()
        return (self.mean + spread).reshape(n, *self.space.shape), log_prob

    def _factor(self) -> Tensor | None:
        """Give L, or None where the covariance is diagonal."""
        if self.config.covariance is Covariance.DIAGONAL:
            return None
        below: Any = self.below
        return below.tril(-1) + torch.diag(self.log_scale.exp())

    def _noise_log_prob(self, noise: Tensor) -> Tensor:
        return -0.5 * (noise.square().sum(-1) + noise.shape[1] * math.log(2 * math.pi))
