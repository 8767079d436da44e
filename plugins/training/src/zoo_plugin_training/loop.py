"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import final

from zoo_core.errors import CheckpointError, DiskFullError, OptionError, TrainingError
from zoo_core.hooks.events import EventKind, Observer, TrainingEvent
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.model import Model
from zoo_core.plugins.facade import observe_training
from zoo_plugin_training.interruption import Interruption
from zoo_plugin_training.options import FitOptions, Progress
from zoo_plugin_training.progress import Display, display, unit_of
from zoo_plugin_training.setup import Setup, prepare
from zoo_plugin_training.sources import Share
from zoo_plugin_training.stepper import RoundFigures, diverged


def train(model: Model, request: FitRequest) -> FitReport:
    """Train a model by gradient descent on its losses, from the weights that it has.

    The run is a function of the model's weights, the data, the options, `request.rng` and the
    number of processes; torch's global generators are left as they were. Under torchrun each
    process calls it with the same data, and takes its share of every batch. The model ends in
    evaluation mode, with the weights of its best held-out figure where `valid` is given, else
    with the last ones (their moving average with `ema`). A keyboard interrupt leaves it so too,
    writes a checkpoint where there is a folder, and is raised on. Raises OptionError and
    DataError before the model has changed; CheckpointError where a run in the folder is not this
    one; DiskFullError where a checkpoint has no room; TrainingError where a loss or gradient is
    no longer finite, with the model back at its last good weights.
    """
    options = FitOptions.of(request.options)
    _check(request, options)
    setup = prepare(model, request, options)
    leads = setup.processes.leads
    observers = observe_training(model, request) if leads else None
    progress = options.progress if leads else Progress.NONE
    shown = display(progress, setup.total, unit_of(model), setup.state.done)
    return Loop(setup, observers, shown, options.patience).run()


def _check(request: FitRequest, options: FitOptions) -> None:
    if request.start is not None:
        raise OptionError(
            "The training loop goes on from the weights that the model has",
            received=f"start={request.start!r}",
            remedy="Leave `start` out.",
        )
    if options.patience is not None and request.valid is None:
        raise OptionError(
            "Early stopping goes by a held-out figure",
            received="patience without valid",
            remedy="Pass valid=(x, condition), or valid=x for an unconditional model.",
        )


@final
class Loop:
    """Goes through the rounds of a run."""

    def __init__(
        self, setup: Setup, observers: Observer | None, shown: Display, patience: int | None
    ) -> None:
        self._run, self._state, self._saver = setup, setup.state, setup.saver
        self._model, self._processes = setup.model, setup.processes
        self._observers, self._shown = observers, shown
        self._patience, self._stopped = patience, setup.stopped
        self._began = time.perf_counter() - setup.state.seconds

    def run(self) -> FitReport:
        """Train to the end, and leave the model with the weights to be used."""
        self._model.train()
        interruption = Interruption()
        try:
            with interruption:
                self._tell(EventKind.STARTED)
                self._saver.begin_figures(self._state.record.history)
                interrupted = self._rounds(interruption)
            self._settle()
            self._run.engine.release()
            self._tell(EventKind.INTERRUPTED if interrupted else EventKind.FINISHED)
        except KeyboardInterrupt:
            # Not between two steps: the processes don't agree where they are.
            self._settle()
            self._tell(EventKind.INTERRUPTED)
            raise
        except Exception as error:
            self._state.record.restore()
            if isinstance(error, TrainingError | CheckpointError | DiskFullError):
                # These are raised by all processes together.
                self._run.engine.release()
            raise
        finally:
            self._model.eval()
            self._shown.close()
        if interrupted or interruption.received is not None:
            interruption.pass_on()
        return self._report()

    def _report(self) -> FitReport:
        record = self._state.record
        stopped = self._stopped or StopReason.FINISHED
        history = tuple(record.history)
        return FitReport(self._state.done, self._state.seconds, stopped, history, record.best)

    def _rounds(self, interruption: Interruption) -> bool:
        """Go on to the end; say whether it was interrupted."""
        share = Share(self._processes.rank, self._processes.size)
        portions = self._run.source.portions(self._state.done * self._run.batches, share)
        while self._stopped is None:
            began = time.perf_counter()
            figures = self._run.stepper.round(
                self._state.done, portions, self._run.source.mean_weight
            )
            self._count(figures, time.perf_counter() - began)
            evaluated = self._is_evaluation()
            if evaluated:
                self._evaluate()
                self._stopped = self._stop_reason()
            due = self._saver.is_due(self._state.done, evaluated)
            signal = float(interruption.received is not None)
            stop, save = self._processes.add([signal, float(due)])
            if self._saver.writes and (save or stop or self._stopped is not None):
                self._save()
            if stop and self._stopped is None:
                return True
        return False

    def _count(self, figures: RoundFigures, seconds: float) -> None:
        state = self._state
        if state.average is not None:
            state.average.update(state.done)
        state.done += 1
        for name, loss in figures.losses.items():
            state.losses[name] += loss
        state.seconds = time.perf_counter() - self._began
        self._shown.step(state.done, figures.rows, figures.loss)
        if self._observers:
            rate = {
                "learning_rate": figures.learning_rate,
                "rows_per_second": figures.rows / max(seconds, 1e-9),
            }
            self._tell(EventKind.STEP, {**self._named(figures.losses), **rate})

    def _is_evaluation(self) -> bool:
        return self._state.done % self._run.interval == 0 or self._state.done == self._run.total

    def _stop_reason(self) -> StopReason | None:
        stale = self._state.record.without_progress
        if self._patience is not None and stale >= self._patience:
            return StopReason.EARLY
        return StopReason.FINISHED if self._state.done == self._run.total else None

    def _evaluate(self) -> None:
        """Take the held-out figure of the weights that would be kept, and record it."""
        state = self._state
        rounds = state.done - state.evaluated_at
        losses = {name: total / rounds for name, total in state.losses.items()}
        entry = {"step": state.done, **self._named(losses)}
        state.evaluated_at, state.losses = state.done, dict.fromkeys(losses, 0.0)
        with state.averaged(), self._run.engine.gathered():
            self._model.eval()
            if self._run.validation is not None:
                entry["valid"] = self._run.validation.figure()
            entry["seconds"] = time.perf_counter() - self._began
            unsound = self._processes.add([float(not state.record.is_sound(entry))])[0]
            if unsound:
                figure = entry.get("valid")
                received = "NaN weights" if figure is None else f"a held-out figure of {figure}"
                raise diverged(state.done, received, self._run.plans[0])
            state.record.add(entry)
            self._saver.add_figures(entry)
            self._shown.evaluated(state.done, entry["loss"], entry.get("valid"))
            self._tell(EventKind.VALIDATED, entry)
            self._model.train()

    def _save(self) -> None:
        stopped = None if self._stopped is None else self._stopped.value
        checkpoint = self._state.checkpoint(stopped=stopped, **self._run.identity)
        folder = self._saver.save(checkpoint)
        record = self._state.record
        if self._saver.wants_best(record.best):
            with record.copy.applied(), self._run.engine.gathered():
                self._saver.save_best(self._model, record.best)
        self._tell(EventKind.SAVED, folder=folder)

    def _named(self, losses: Mapping[str, float]) -> dict[str, float]:
        """Name figures: `loss` is the first objective's, of several each has its own too."""
        each = {f"loss.{name}": loss for name, loss in losses.items()} if len(losses) > 1 else {}
        return {"loss": next(iter(losses.values())), **each}

    def _tell(
        self,
        kind: EventKind,
        values: Mapping[str, float] | None = None,
        folder: Path | None = None,
    ) -> None:
        if self._observers is not None:
            event = TrainingEvent(kind, self._state.done, self._run.total, values or {}, folder)
            self._observers(event)

    def _settle(self) -> None:
        """Give the model the best weights by the held-out figure, else the last (averaged) ones."""
        if self._run.validation is not None and self._state.record.best is not None:
            self._state.record.restore()
        elif self._state.average is not None:
            self._state.average.copy_to_parameters()
