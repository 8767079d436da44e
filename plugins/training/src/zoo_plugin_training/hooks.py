"""What this plugin adds to the zoo: the trainer behind `model.fit`."""

from __future__ import annotations

from zoo_core import hookimpl
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.model import Model


@hookimpl
def zoo_train(model: Model, request: FitRequest) -> FitReport:
    """Train any model that has a loss, by gradient descent."""
    from zoo_plugin_training.loop import train

    return train(model, request)
