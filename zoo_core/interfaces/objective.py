"""Objective: one of the losses that a model is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

from zoo_core.errors import DefinitionError


@final
@dataclass(frozen=True)
class Objective:
    """A named loss, the parameters that it trains, and its optimiser's steps in each round.

    `parameters` are names of parameters or of modules, as `named_parameters` spells them; none
    means all. Every objective has an optimiser of its own, which moves no other parameter. A
    round goes through the objectives in their order, each with its number of steps on as many
    batches.
    """

    name: str
    parameters: tuple[str, ...] = ()
    steps: int = 1

    def trains(self, parameter: str) -> bool:
        """Whether the parameter of this name is among the objective's."""
        return not self.parameters or any(_within(parameter, name) for name in self.parameters)


def _within(parameter: str, name: str) -> bool:
    return parameter == name or parameter.startswith(f"{name}.")


def check_objectives(
    objectives: Sequence[Objective], parameters: Iterable[str], owner: str
) -> tuple[Objective, ...]:
    """Check what a model declares against the names of its parameters. Raises DefinitionError."""
    known = list(parameters)
    names = [objective.name for objective in objectives]
    if not names or len(set(names)) < len(names) or not all(names):
        raise _wrong(owner, f"the names {names}")
    for objective in objectives:
        if objective.steps < 1:
            raise _wrong(owner, f"{objective.steps} steps for {objective.name}")
        for name in objective.parameters:
            if not any(_within(parameter, name) for parameter in known):
                raise _wrong(owner, f"no parameter {name!r}, which {objective.name} trains")
    return tuple(objectives)


def _wrong(owner: str, received: str) -> DefinitionError:
    return DefinitionError(
        f"{owner}._objectives() gives objectives of different names, each with parameters that "
        "the model has and at least one step a round",
        received=received,
    )
