"""GaussianMixtureHMM: a hidden Markov model whose states emit mixtures of normal distributions."""

from __future__ import annotations

from typing import Any, ClassVar, cast, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.space import Kind
from zoo_plugin_classical.gaussian_hmm import GaussianHMMConfig
from zoo_plugin_classical.gaussian_stack import GaussianStack
from zoo_plugin_classical.hidden_markov import HiddenMarkov
from zoo_plugin_classical.hidden_markov_config import Concentration
from zoo_plugin_classical.hidden_markov_space import ragged_space
from zoo_plugin_classical.mixture_stack import MixtureStack
from zoo_plugin_classical.mixture_start import Start


@final
class GaussianMixtureHMMConfig(GaussianHMMConfig):
    """Fields of a Gaussian hidden Markov model, and those of each state's mixture.

    n_components: how many normal distributions each state mixes; covariances that are `tied` are
    the same in all states. weights_prior: concentration of a Dirichlet prior on their weights.
    """

    n_components: pydantic.PositiveInt = 2
    weights_prior: Concentration = 1.0


@final
class GaussianMixtureHMM(HiddenMarkov):
    """States emit mixtures of normal distributions (Rabiner 1989, section IV.A)."""

    architecture: ClassVar[str] = "classical/gmm-hmm"
    Config: ClassVar[type[zoo.Config]] = GaussianMixtureHMMConfig

    config: GaussianMixtureHMMConfig
    stack: MixtureStack

    def _emissions(self) -> MixtureStack:
        config = self.config
        parts = config.gaussians(self.n_states * config.n_components)
        return MixtureStack(self.n_states, config.n_components, parts, config.weights_prior)

    @property
    def weights(self) -> Float[Tensor, "s m"]:
        """The weights of each state's components."""
        return self.stack.weights

    @property
    @torch.no_grad()
    def means(self) -> Float[Tensor, "s m ..."]:
        """The mean of each component, `[S, M, *step]`."""
        mean = self._gaussians.mean.clone()
        return mean.reshape(*self.weights.shape, *self.space.shape)

    @property
    def covariances(self) -> Float[Tensor, "s m d d"]:
        """The covariance matrix of each component, whatever its form."""
        size = self.space.size
        return self._gaussians.covariances.reshape(*self.weights.shape, size, size)

    @property
    def _gaussians(self) -> GaussianStack:
        return cast(GaussianStack, self.stack.parts)

    def _means(self) -> Tensor:
        return torch.einsum("sm,sm...->s...", self.weights, self.means)

    def _start_emissions(
        self, steps: Tensor, shares: Tensor, start: Start, rng: torch.Generator
    ) -> None:
        self.stack.start_by(steps, shares, start, rng)

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return super()._fields_for_data(data, condition, ragged_space(data, fields, Kind.REAL))
