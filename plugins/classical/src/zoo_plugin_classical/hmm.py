"""HMM: a hidden Markov model whose states emit by models of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, final

import pydantic
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.sufficient_statistics import SufficientStatistics
from zoo_plugin_classical.hidden_markov import HiddenMarkov
from zoo_plugin_classical.hidden_markov_config import HiddenMarkovConfig, Learnt
from zoo_plugin_classical.part_stack import PartStack


@final
class HMMConfig(HiddenMarkovConfig):
    """Fields of a hidden Markov model of models, beside those of every one.

    emissions: a part for each state, or one that each state has a copy of. A part's space is that
    of one step.
    """

    emissions: tuple[Annotated[Part, Provides(Generator, DensityModel, SufficientStatistics)], ...]

    @pydantic.model_validator(mode="before")
    @classmethod
    def _one_a_state(cls, fields: Any) -> Any:
        """Write down a part for each state."""
        if not isinstance(fields, Mapping) or not isinstance(fields.get("emissions"), list | tuple):
            return fields
        parts = tuple(fields["emissions"])
        n_states = fields.get("n_states", len(parts) if len(parts) > 1 else 2)
        if len(parts) == 1 and isinstance(n_states, int):
            parts = parts * n_states
        return {**fields, "emissions": parts, "n_states": n_states}

    @pydantic.model_validator(mode="after")
    def _as_many(self) -> Self:
        if len(self.emissions) != self.n_states:
            raise ValueError(f"emissions has one part, or one for each of {self.n_states} states")
        if Learnt.EMISSIONS in self.learnt and any(part.frozen for part in self.emissions):
            raise ValueError("emissions are learnt, all of them or none: see `learnt`")
        return self


@final
class HMM(HiddenMarkov):
    """States emit by parts: models with samples and a density that learn from sums over rows."""

    architecture: ClassVar[str] = "classical/hmm"
    Config: ClassVar[type[zoo.Config]] = HMMConfig

    config: HMMConfig
    stack: PartStack

    def _emissions(self) -> PartStack:
        parts = list(self.get_submodule("emissions").children())
        return PartStack(parts)

    def _steps(self, z: zoo.Ragged) -> Tensor:
        return z.values

    def _part_space(self, name: str) -> zoo.Space:
        del name
        return self.space.model_copy(update={"ragged": False})
