"""CategoricalHMM: a hidden Markov model of codes."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import pydantic
from jaxtyping import Float
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.space import Kind
from zoo_plugin_classical.categorical_stack import CategoricalStack
from zoo_plugin_classical.hidden_markov import HiddenMarkov
from zoo_plugin_classical.hidden_markov_config import HiddenMarkovConfig
from zoo_plugin_classical.hidden_markov_space import ragged_space
from zoo_plugin_classical.mixture_start import Start


@final
class CategoricalHMMConfig(HiddenMarkovConfig):
    """Fields of a hidden Markov model of codes, beside those of every one.

    alpha: what is added to the count of each code, a prior Dirichlet(1 + alpha, …).
    """

    alpha: pydantic.NonNegativeFloat = 0.0

    @pydantic.model_validator(mode="after")
    def _codes(self) -> Self:
        if self.space.kind not in (Kind.CATEGORICAL, Kind.ORDINAL, Kind.BINARY):
            raise ValueError(f"categorical emissions are codes, and these are {self.space.kind}")
        return self


@final
class CategoricalHMM(HiddenMarkov):
    """States emit codes, or vectors of codes that are independent given the state.

    Rabiner 1989. A fit starts at random unless told otherwise, for codes have no distances.
    """

    architecture: ClassVar[str] = "classical/categorical-hmm"
    Config: ClassVar[type[zoo.Config]] = CategoricalHMMConfig
    first_choice: ClassVar[Start] = Start.RANDOM

    config: CategoricalHMMConfig
    stack: CategoricalStack

    def _emissions(self) -> CategoricalStack:
        return CategoricalStack(self.n_states, self.space, self.config.alpha)

    @property
    def probabilities(self) -> Float[Tensor, "s ... levels"]:
        """Probabilities of the codes that each state emits, `[S, *step, levels]`."""
        shares = self.stack.logits.softmax(-1)
        return shares.reshape(self.n_states, *self.space.shape, shares.shape[-1])

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return super()._fields_for_data(
            data, condition, ragged_space(data, fields, Kind.CATEGORICAL)
        )
