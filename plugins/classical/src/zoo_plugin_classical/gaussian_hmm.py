"""GaussianHMM: a hidden Markov model of real vectors."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.space import Kind
from zoo_plugin_classical.covariance import Covariance
from zoo_plugin_classical.covariance_structure import CovariancePrior
from zoo_plugin_classical.entrywise_pass import EntrywisePass
from zoo_plugin_classical.expectation_pass import ExpectationPass
from zoo_plugin_classical.gaussian_stack import GaussianStack
from zoo_plugin_classical.hidden_markov import HiddenMarkov
from zoo_plugin_classical.hidden_markov_config import HiddenMarkovConfig
from zoo_plugin_classical.hidden_markov_space import ragged_space
from zoo_plugin_classical.quadratic_pass import gaussian_pass


class GaussianHMMConfig(HiddenMarkovConfig):
    """Fields of a hidden Markov model of real vectors, beside those of every one.

    covariance: the form of the states' covariance matrices. covariance_floor: the least variance
    along any direction, in the data's unit squared. prior_rows, prior_variance: each covariance is
    estimated as if it had been seen in so many more steps, of that variance in every direction.
    """

    covariance: Covariance = Covariance.DIAGONAL
    covariance_floor: pydantic.PositiveFloat = 1e-6
    prior_rows: pydantic.NonNegativeFloat = 0.0
    prior_variance: pydantic.PositiveFloat = 1.0

    @pydantic.model_validator(mode="after")
    def _real(self) -> Self:
        if self.space.kind is not Kind.REAL:
            raise ValueError(f"normal emissions are real, and these are {self.space.kind}")
        return self

    def gaussians(self, k: int) -> GaussianStack:
        """Make k normal distributions as these fields say."""
        prior = CovariancePrior(self.prior_rows, self.prior_variance)
        size, floor = self.space.size, self.covariance_floor
        return GaussianStack(k, size, self.covariance, floor, prior)


@final
class GaussianHMM(HiddenMarkov):
    """States emit normally distributed numbers or vectors, of any form of covariance."""

    architecture: ClassVar[str] = "classical/gaussian-hmm"
    Config: ClassVar[type[zoo.Config]] = GaussianHMMConfig

    config: GaussianHMMConfig
    stack: GaussianStack

    def _emissions(self) -> GaussianStack:
        return self.config.gaussians(self.n_states)

    @property
    @torch.no_grad()
    def means(self) -> Float[Tensor, "s ..."]:
        """The mean that each state emits, `[S, *step]`."""
        return self.stack.mean.clone().reshape(self.n_states, *self.space.shape)

    @property
    def covariances(self) -> Float[Tensor, "s d d"]:
        """The covariance matrices, whatever their form."""
        return self.stack.covariances

    def _expectation_pass(self) -> ExpectationPass:
        if self.device.type == "cpu" and not self.config.covariance.factored:
            return EntrywisePass(self.stack)
        return gaussian_pass(self.stack)

    def _means(self) -> Tensor:
        return self.means

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return super()._fields_for_data(data, condition, ragged_space(data, fields, Kind.REAL))
