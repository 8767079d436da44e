"""The learning rate as a function of the step."""

from __future__ import annotations

import math

from zoo_plugin_training.options import FitOptions, Schedule


def learning_rate(options: FitOptions, step: int, total: int) -> float:
    """Give the learning rate of a step (from 0) of `total`.

    Linear from learning_rate / warm_up to learning_rate over the warm-up; then constant, or
    learning_rate · (1 + cos(π · p)) / 2 with p the part of the rest that is done (Loshchilov
    and Hutter, "SGDR", 2017, equation 5, without restarts).
    """
    if step < options.warm_up:
        return options.learning_rate * (step + 1) / options.warm_up
    if options.schedule is Schedule.CONSTANT:
        return options.learning_rate
    done = (step - options.warm_up) / max(1, total - options.warm_up)
    return options.learning_rate * (1 + math.cos(math.pi * min(1.0, done))) / 2
