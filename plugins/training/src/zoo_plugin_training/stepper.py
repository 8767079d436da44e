"""The steps of the optimisers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from zoo_core.errors import TrainingError
from zoo_core.interfaces.batch import Batch
from zoo_plugin_training.engine import Engine
from zoo_plugin_training.losses import weighted_sum
from zoo_plugin_training.optimizer import Optimizer
from zoo_plugin_training.processes import Processes
from zoo_plugin_training.schedule import Plan
from zoo_plugin_training.sources import Portion
from zoo_plugin_training.streams import Purpose, global_stream, stream


@final
@dataclass(frozen=True)
class RoundFigures:
    """What a round was like: rows seen by all processes, the mean loss of each objective."""

    rows: int
    losses: dict[str, float]
    learning_rate: float

    @property
    def loss(self) -> float:
        """The first objective's loss."""
        return next(iter(self.losses.values()))


@final
class Stepper:
    """Does the rounds of a run: the steps of every objective, in order.

    A step is a function of the weights, the batch and (seed, step, objective, part of the batch,
    process).
    """

    def __init__(
        self,
        engine: Engine,
        plans: Sequence[Plan],
        trained: Sequence[Sequence[str]],
        processes: Processes,
        *,
        accumulate: int,
        seed: int,
        rounds: int,
    ) -> None:
        self._engine, self._plans, self._processes = engine, plans, processes
        self._accumulate, self._seed, self._rounds = accumulate, seed, rounds
        self.optimizers: Mapping[str, Optimizer] = {
            plan.objective.name: Optimizer({n: engine.local[n] for n in names}, plan.weight_decay)
            for plan, names in zip(plans, trained, strict=True)
        }

    def round(self, number: int, portions: Iterator[Portion], mean_weight: float) -> RoundFigures:
        """Do the round of this number (from 0).

        Raises TrainingError where a loss or a gradient is not finite, before the weights it would
        have moved are touched.
        """
        self._engine.synchronize_buffers()
        rows, losses = 0, {}
        for objective, plan in enumerate(self._plans):
            total = 0.0
            for step in range(number * plan.steps, (number + 1) * plan.steps):
                portion = next(portions)
                rows += portion.rows
                total += self._step(objective, step, number, portion, mean_weight)
            losses[plan.objective.name] = total / plan.steps
        first = self._plans[0]
        rate = first.rate(number * first.steps, self._rounds * first.steps)
        return RoundFigures(rows, losses, rate)

    def _step(
        self, objective: int, step: int, number: int, portion: Portion, mean_weight: float
    ) -> float:
        plan = self._plans[objective]
        with self._engine.training(objective):
            local = self._backward(objective, step, portion, mean_weight)
        optimizer = self.optimizers[plan.objective.name]
        loss = self._processes.add([local])[0]
        gradients = self._engine.gradients(optimizer.names)
        if loss - loss != 0:
            raise diverged(number + 1, f"a loss of {loss}", plan)
        found = [gradient for gradient in gradients if gradient is not None]
        self._clip(found, number, plan)
        optimizer.step(gradients, plan.rate(step, self._rounds * plan.steps))
        return loss

    def _backward(self, objective: int, step: int, portion: Portion, mean_weight: float) -> float:
        """Add up the gradients of the batch's parts; gives this process's share of the loss."""
        parts = list(portion.parts(self._accumulate))
        losses: list[Tensor] = []
        for index, part in enumerate(parts):
            last = index + 1 == len(parts)
            with contextlib.nullcontext() if last else self._engine.accumulating(objective):
                loss = self._loss(objective, step, index, part, portion.rows, mean_weight)
                # Engines average over the processes; the mean over all rows is their sum.
                (loss * self._processes.size).backward()
            losses.append(loss.detach())
        return torch.stack(losses).sum().item()

    def _loss(
        self, objective: int, step: int, index: int, part: Batch, n: int, mean_weight: float
    ) -> Tensor:
        numbers = (step, objective, index, self._processes.rank)
        device = self._processes.device
        rng = stream(self._seed, Purpose.STEP, *numbers, device=device)
        with global_stream(self._seed, Purpose.GLOBAL, *numbers, device=device):
            rows = self._engine.rows(objective, part, rng)
        return weighted_sum(rows, part.weight, n, mean_weight)

    def _clip(self, gradients: list[Tensor], number: int, plan: Plan) -> None:
        """Refuse gradients that are not finite, and shorten those that are too long."""
        if not gradients:
            return
        norm = self._engine.norm(gradients).item()
        if norm - norm != 0:
            raise diverged(number + 1, f"a gradient of norm {norm}", plan)
        if plan.clip_norm is not None and norm > plan.clip_norm:
            shorter = plan.clip_norm / norm
            torch._foreach_mul_(gradients, shorter)  # pyright: ignore[reportPrivateImportUsage]


def diverged(step: int, received: str, plan: Plan) -> TrainingError:
    """Make the error for a run that can't go on after a step (from 1)."""
    clip = "" if plan.clip_norm is not None else ", clip_norm=1.0"
    name = plan.objective.name
    what = "the loss" if name == "loss" else f"the objective {name!r}"
    return TrainingError(
        f"Training stopped at step {step}: {what} and its gradient must stay finite",
        received=received,
        remedy=f"Try learning_rate={plan.learning_rate / 10:g}{clip} or warm_up=100, and look "
        "for extreme values in the data. The model has its last good weights.",
    )
