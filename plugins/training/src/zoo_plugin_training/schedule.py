"""The learning rate as a function of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from zoo_core.errors import OptionError
from zoo_core.interfaces.objective import Objective
from zoo_plugin_training.options import FitOptions, ObjectiveOptions, Schedule


@final
@dataclass(frozen=True)
class Plan:
    """How one objective is trained: the run's options with its own in their place."""

    objective: Objective
    steps: int
    learning_rate: float
    weight_decay: float
    schedule: Schedule
    warm_up: int
    clip_norm: float | None

    @classmethod
    def of(cls, options: FitOptions, objective: Objective) -> Plan:
        """Merge the options of the run and those of the objective."""
        own = options.objectives.get(objective.name, ObjectiveOptions())
        given = {k: v for k, v in own.model_dump().items() if v is not None}
        shared = {
            name: given.get(name, value)
            for name, value in options.model_dump().items()
            if name in ("learning_rate", "weight_decay", "schedule", "warm_up", "clip_norm")
        }
        return cls(objective=objective, steps=given.get("steps", objective.steps), **shared)

    def rate(self, step: int, total: int) -> float:
        """Give the learning rate of the objective's step (from 0) of `total`.

        Linear from learning_rate / warm_up to learning_rate over the warm-up; then constant, or
        learning_rate · (1 + cos(π · p)) / 2 with p the part of the rest that is done (Loshchilov
        and Hutter, "SGDR", 2017, equation 5, without restarts).
        """
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        if self.schedule is Schedule.CONSTANT:
            return self.learning_rate
        done = (step - self.warm_up) / max(1, total - self.warm_up)
        return self.learning_rate * (1 + math.cos(math.pi * min(1.0, done))) / 2


def plans_of(options: FitOptions, objectives: tuple[Objective, ...]) -> list[Plan]:
    """Plan every objective. Raises OptionError for options of one that there isn't."""
    names = [objective.name for objective in objectives]
    unknown = [name for name in options.objectives if name not in names]
    if unknown:
        raise OptionError(
            f"`objectives` has options of the model's objectives: {', '.join(names)}",
            received=", ".join(unknown),
        )
    return [Plan.of(options, objective) for objective in objectives]
