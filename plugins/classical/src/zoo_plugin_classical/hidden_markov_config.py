"""What every hidden Markov model's configuration says."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self, final

import pydantic

import zoo_core as zoo
from zoo_plugin_classical.markov_chain import Topology

Concentration = Annotated[float, pydantic.Field(ge=1)]
"""A Dirichlet distribution's parameter under which the most probable value is inside."""


@final
class Learnt(StrEnum):
    """What expectation-maximisation learns; the rest stays as it is."""

    INITIAL = "initial"
    TRANSITION = "transition"
    EMISSIONS = "emissions"


class HiddenMarkovConfig(zoo.Config):
    """The fields that every hidden Markov model has.

    space: what a step is, `ragged`. n_states: how many states. learnt: what a fit changes.
    topology: which moves there are; allowed: instead of it, of each move i → j whether there is
    one. initial_prior, transition_prior: concentrations of Dirichlet priors, 1 for none; those of
    moves one for all, or one a move.
    """

    space: zoo.Space
    n_states: pydantic.PositiveInt = 2
    learnt: tuple[Learnt, ...] = tuple(Learnt)
    topology: Topology = Topology.ERGODIC
    allowed: tuple[tuple[bool, ...], ...] | None = None
    initial_prior: Concentration = 1.0
    transition_prior: Concentration | tuple[tuple[Concentration, ...], ...] = 1.0

    @pydantic.model_validator(mode="after")
    def _square(self) -> Self:
        if not self.space.ragged or len(self.space.shape) > 1:
            raise ValueError(
                "a hidden Markov model is one of sequences of numbers or vectors: "
                "Space.…(ragged=True)"
            )
        square = [self.n_states] * self.n_states
        for name, rows in (("allowed", self.allowed), ("transition_prior", self.transition_prior)):
            if isinstance(rows, tuple) and [len(row) for row in rows] != square:
                raise ValueError(f"{name} has a row for each of the {self.n_states} states")
        if not all(any(row) for row in self.moves):
            raise ValueError("allowed lets each state move somewhere, to itself at least")
        return self

    @property
    def moves(self) -> tuple[tuple[bool, ...], ...]:
        """Of each move i → j, whether there is one."""
        return self.topology.moves(self.n_states) if self.allowed is None else self.allowed

    @property
    def begins(self) -> tuple[bool, ...]:
        """Of each state, whether a sequence may begin in it."""
        free = self.topology is Topology.ERGODIC or self.allowed is not None
        return tuple(free or state == 0 for state in range(self.n_states))
