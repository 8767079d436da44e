"""The training loop."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import final

import torch

from zoo_core.errors import OptionError
from zoo_core.hooks.events import EventKind, TrainingEvent
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.model import Model
from zoo_core.plugins.facade import observe_training
from zoo_plugin_training.options import FitOptions
from zoo_plugin_training.progress import Display, display
from zoo_plugin_training.record import Record
from zoo_plugin_training.sources import source_of
from zoo_plugin_training.stepper import Stepper, diverged
from zoo_plugin_training.streams import Purpose, stream
from zoo_plugin_training.validation import Validation


def train(model: Model, request: FitRequest) -> FitReport:
    """Train a model by gradient descent on its loss, from the weights that it has.

    The run is a function of the model's weights, the data, the options and `request.rng`; torch's
    global generators are left as they were. The model ends in evaluation mode, with the weights
    of its best held-out figure where `valid` is given, else with the last ones (their moving
    average with `ema`). A keyboard interrupt leaves it so too, and is raised on. Raises
    OptionError and DataError before the model has changed; TrainingError where the loss is no
    longer finite, with the model back at its last good weights.
    """
    options = FitOptions.of(request.options)
    _check(request, options)
    return Loop(model, request, options).run()


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
    """One run over one objective."""

    def __init__(self, model: Model, request: FitRequest, options: FitOptions) -> None:
        seed = int(torch.randint(2**62, (), generator=request.rng, device=request.rng.device))
        self._model, self._options = model, options
        self._source = source_of(request.data, options.batch_size, seed=seed)
        self._total = options.total_steps(self._source.steps_per_epoch)
        self._stepper = Stepper(model, options, seed=seed, total=self._total)
        self._validation = None
        if request.valid is not None:
            self._validation = Validation(model, request.valid, options.batch_size, seed=seed)
        held_out = 0 if self._validation is None else self._validation.batches
        self._interval = options.evaluation_interval(self._total, held_out)
        if not options.keep_preprocessing:
            rng = stream(seed, Purpose.PREPROCESSING, device=model.device)
            model.fit_preprocessing(request.data, rng)
        self._record = Record(model)
        self._observers = observe_training(model, request)
        self._done, self._losses = 0, 0.0

    def run(self) -> FitReport:
        """Train to the end, and leave the model with the weights to be used."""
        began = time.perf_counter()
        shown = display(self._options.progress, self._total)
        self._model.train()
        try:
            self._tell(EventKind.STARTED)
            stopped = self._steps(shown, began)
            self._settle()
            self._tell(EventKind.FINISHED)
        except KeyboardInterrupt:
            self._settle()
            self._tell(EventKind.INTERRUPTED)
            raise
        except Exception:
            self._record.restore()
            raise
        finally:
            self._model.eval()
            shown.close()
        seconds = time.perf_counter() - began
        history = tuple(self._record.history)
        return FitReport(self._done, seconds, stopped, history, self._record.best)

    def _steps(self, shown: Display, began: float) -> StopReason:
        last_evaluation = 0
        for batch in self._source.batches(0):
            loss = self._stepper.step(self._done, batch, self._source.mean_weight)
            self._done += 1
            self._losses += loss
            shown.step(self._done, len(batch), loss)
            if self._done % self._interval == 0 or self._done == self._total:
                mean = self._losses / (self._done - last_evaluation)
                last_evaluation, self._losses = self._done, 0.0
                self._evaluate(mean, shown, began)
                if self._record.without_progress >= (self._options.patience or self._total + 1):
                    return StopReason.EARLY
            if self._done == self._total:
                break
        return StopReason.FINISHED

    def _evaluate(self, loss: float, shown: Display, began: float) -> None:
        entry = {"step": self._done, "loss": loss}
        with self._averaged():
            if self._validation is not None:
                entry["valid"] = self._validation.figure()
            entry["seconds"] = time.perf_counter() - began
            sound = self._record.add(entry)
        if not sound:
            figure = entry.get("valid")
            received = "NaN weights" if figure is None else f"a held-out figure of {figure}"
            raise diverged(self._done, received, self._options)
        shown.evaluated(self._done, loss, entry.get("valid"))
        self._tell(EventKind.VALIDATED, entry)

    def _tell(self, kind: EventKind, values: Mapping[str, float] | None = None) -> None:
        self._observers(TrainingEvent(kind, self._done, self._total, values or {}))

    def _averaged(self) -> contextlib.AbstractContextManager[None]:
        average = self._stepper.average
        return contextlib.nullcontext() if average is None else average.applied()

    def _settle(self) -> None:
        """Give the model the best weights by the held-out figure, else the last (averaged) ones."""
        if self._validation is not None and self._record.best is not None:
            self._record.restore()
        elif self._stepper.average is not None:
            self._stepper.average.copy_to_parameters()
