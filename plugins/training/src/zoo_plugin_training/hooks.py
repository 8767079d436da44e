"""What this plugin adds to the zoo: the trainer behind `model.fit`, and what watches a run."""

from __future__ import annotations

from zoo_core import hookimpl
from zoo_core.hooks.events import Observer
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.model import Model


@hookimpl
def zoo_train(model: Model, request: FitRequest) -> FitReport:
    """Train any model that has a loss, by gradient descent."""
    from zoo_plugin_training.loop import train
    from zoo_plugin_training.options import FitOptions

    tracker = FitOptions.of(request.options).track
    if tracker is not None:
        tracker.require()
    return train(model, request)


@hookimpl
def zoo_observe_training(model: Model, request: FitRequest) -> Observer | None:
    """Draw samples into the run's folder, and hand figures to the tracker that was chosen."""
    from zoo_plugin_training.run_observers import observer_of

    return observer_of(model, request)
