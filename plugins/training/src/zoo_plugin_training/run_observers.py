"""What watches a run beside its progress bar: sample pictures, and the tracker that was chosen."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import final

from zoo_core.hooks.events import Observer, TrainingEvent
from zoo_core.interfaces.fitting import FitRequest
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model
from zoo_plugin_training.options import FitOptions
from zoo_plugin_training.pictures import Pictures, drawable
from zoo_plugin_training.trackers import Tracked, log_of

_log = logging.getLogger(__name__)


@final
class Together:
    """Hands each event to several observers; one that raises is reported once and left out."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = list(observers)

    def __call__(self, event: TrainingEvent) -> None:
        """Hand on one event."""
        for observer in list(self._observers):
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001  no picture is worth a run
                name = type(observer).__name__
                _log.warning("%s failed and is left out: %s", name, error, exc_info=_debug())
                self._observers.remove(observer)


def observer_of(model: Model, request: FitRequest) -> Observer | None:
    """Give the observer of a run with a folder or a tracker; None where it has neither.

    Of several processes, the first one watches.
    """
    options = FitOptions.of(request.options)
    observers: list[Observer] = []
    if not is_first_process():
        return None
    if options.out is not None and isinstance(model, Generator) and drawable(model):
        observers.append(Pictures(model, request, options.out / "samples"))
    if options.track is not None:
        settings = {**model.config.to_json(), **options.to_json()}
        observers.append(Tracked(log_of(options.track, options.out, settings, model.architecture)))
    return Together(observers) if observers else None


def is_first_process() -> bool:
    """Say whether this is the process that speaks and writes; torchrun tells by RANK."""
    return os.environ.get("RANK", "0") == "0"


def _debug() -> bool:
    return _log.isEnabledFor(logging.DEBUG)
