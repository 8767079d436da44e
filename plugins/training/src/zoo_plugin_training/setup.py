"""What a run is made of, put together from a request, or from a checkpoint too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch

from zoo_core.interfaces.fitting import FitRequest, StopReason
from zoo_core.interfaces.model import Model
from zoo_plugin_training.checkpoint import Checkpoint
from zoo_plugin_training.engine import Engine, trained_names
from zoo_plugin_training.engine_choice import check_engine, engine_of
from zoo_plugin_training.fingerprint import (
    check_same,
    data_fingerprint,
    fingerprint,
    report_surroundings,
    surroundings,
)
from zoo_plugin_training.options import FitOptions
from zoo_plugin_training.processes import Processes, join
from zoo_plugin_training.saver import Saver
from zoo_plugin_training.schedule import Plan, plans_of
from zoo_plugin_training.sources import Source, source_of
from zoo_plugin_training.stepper import Stepper
from zoo_plugin_training.streams import Purpose, stream
from zoo_plugin_training.training_state import TrainingState
from zoo_plugin_training.validation import Validation


@final
@dataclass(frozen=True)
class Setup:
    """A run that can begin, or go on.

    `total` is the number of rounds, `interval` that between two evaluations. `identity` goes into
    every checkpoint. `stopped` says that the run is over.
    """

    model: Model
    processes: Processes
    plans: list[Plan]
    source: Source
    total: int
    interval: int
    validation: Validation | None
    engine: Engine
    stepper: Stepper
    state: TrainingState
    saver: Saver
    identity: dict[str, Any]
    stopped: StopReason | None

    @property
    def batches(self) -> int:
        """Batches in a round."""
        return sum(plan.steps for plan in self.plans)


def prepare(model: Model, request: FitRequest, options: FitOptions) -> Setup:
    """Check everything, then fit the preprocessing and wrap the model, or read a checkpoint."""
    processes = join(model.device)
    check_engine(options, processes)
    objectives = model.objectives
    plans, trained = plans_of(options, objectives), trained_names(model, objectives)
    saver = Saver(options, processes)
    checkpoint = saver.read()
    seed = _seed(request, checkpoint, processes)
    source = source_of(request.data, options.batch_size, seed=seed)
    total = options.total_steps(source.steps_per_epoch / sum(plan.steps for plan in plans))
    validation = _validation(model, request, options, processes, seed)
    identity = _identity(model, request, options, processes, total) if saver.writes else {}
    if checkpoint is not None:
        check_same(checkpoint.state["identity"], identity)
        report_surroundings(checkpoint.state["surroundings"], surroundings(model))
    elif not options.keep_preprocessing:
        rng = stream(seed, Purpose.PREPROCESSING, device=model.device)
        model.fit_preprocessing(request.data, rng)
    engine = engine_of(model, objectives, trained, options, processes)
    stepper = Stepper(
        engine, plans, trained, processes, accumulate=options.accumulate, seed=seed, rounds=total
    )
    state = TrainingState(model, engine, stepper.optimizers, options.ema, processes)
    return Setup(
        model=model,
        processes=processes,
        plans=plans,
        source=source,
        total=total,
        interval=options.evaluation_interval(total, validation.batches if validation else 0),
        validation=validation,
        engine=engine,
        stepper=stepper,
        state=state,
        saver=saver,
        identity={"seed": seed, "identity": identity, "surroundings": surroundings(model)},
        stopped=_restored(state, checkpoint),
    )


def _seed(request: FitRequest, checkpoint: Checkpoint | None, processes: Processes) -> int:
    """Draw the run's seed; one that goes on has the one it began with."""
    drawn = int(torch.randint(2**62, (), generator=request.rng, device=request.rng.device))
    return processes.told(drawn if checkpoint is None else checkpoint.state["seed"])


def _validation(
    model: Model, request: FitRequest, options: FitOptions, processes: Processes, seed: int
) -> Validation | None:
    if request.valid is None:
        return None
    return Validation(model, request.valid, options.batch_size, processes, seed=seed)


def _identity(
    model: Model, request: FitRequest, options: FitOptions, processes: Processes, total: int
) -> dict[str, Any]:
    return {
        **fingerprint(model, options, total, processes),
        "data": data_fingerprint(request.data),
        "held-out data": data_fingerprint(request.valid),
    }


def _restored(state: TrainingState, checkpoint: Checkpoint | None) -> StopReason | None:
    """Take a checkpoint over; say why its run was over, where it was."""
    if checkpoint is None:
        return None
    state.restore(checkpoint)
    stopped = checkpoint.state["stopped"]
    return None if stopped is None else StopReason(stopped)
