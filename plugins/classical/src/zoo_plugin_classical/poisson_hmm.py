"""PoissonHMM: a hidden Markov model of counts."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import pydantic
from jaxtyping import Float
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.space import Kind
from zoo_plugin_classical.hidden_markov import HiddenMarkov
from zoo_plugin_classical.hidden_markov_config import HiddenMarkovConfig
from zoo_plugin_classical.hidden_markov_space import ragged_space
from zoo_plugin_classical.poisson_stack import PoissonStack


@final
class PoissonHMMConfig(HiddenMarkovConfig):
    """Fields of a hidden Markov model of counts, beside those of every one.

    prior_count, prior_steps: a Gamma prior, as if each state had emitted so many events in so many
    steps beside the data; none by default.
    """

    prior_count: pydantic.NonNegativeFloat = 0.0
    prior_steps: pydantic.NonNegativeFloat = 0.0

    @pydantic.model_validator(mode="after")
    def _counts(self) -> Self:
        if self.space.kind is not Kind.COUNT:
            raise ValueError(f"Poisson emissions are counts, and these are {self.space.kind}")
        return self


@final
class PoissonHMM(HiddenMarkov):
    """States emit Poisson counts (Zucchini & MacDonald 2009, chapter 2), or vectors of them."""

    architecture: ClassVar[str] = "classical/poisson-hmm"
    Config: ClassVar[type[zoo.Config]] = PoissonHMMConfig

    config: PoissonHMMConfig
    stack: PoissonStack

    def _emissions(self) -> PoissonStack:
        config = self.config
        return PoissonStack(self.n_states, self.space.size, config.prior_count, config.prior_steps)

    @property
    def rates(self) -> Float[Tensor, "s ..."]:
        """The counts that each state emits on average, `[S, *step]`."""
        return self.stack.rate.reshape(self.n_states, *self.space.shape)

    def _means(self) -> Tensor:
        return self.rates

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return super()._fields_for_data(data, condition, ragged_space(data, fields, Kind.COUNT))
