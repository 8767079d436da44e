"""One step of the optimiser."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from zoo_core.errors import TrainingError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.model import Model
from zoo_plugin_training.objective import Objective, weighted_mean
from zoo_plugin_training.options import FitOptions
from zoo_plugin_training.schedule import learning_rate
from zoo_plugin_training.streams import Purpose, global_stream, stream
from zoo_plugin_training.weights import MovingAverage


@final
class Stepper:
    """Does training steps; a step is a function of the weights, (seed, step) and the batch."""

    def __init__(self, model: Model, options: FitOptions, *, seed: int, total: int) -> None:
        self._objective = Objective(model)
        self._device = model.device
        self._options, self._seed, self._total = options, seed, total
        self._parameters = _trainable(model)
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            fused=self._device.type in ("cpu", "cuda"),
        )
        self.average = None if options.ema is None else MovingAverage(self._parameters, options.ema)

    def step(self, number: int, batch: Batch, mean_weight: float) -> float:
        """Do the step of this number (from 0); give its loss.

        Raises TrainingError where the loss is not finite, before the weights are touched.
        """
        rng = stream(self._seed, Purpose.STEP, number, device=self._device)
        with global_stream(self._seed, Purpose.GLOBAL, number, device=self._device):
            rows = self._objective(batch, rng)
            loss = weighted_mean(rows, batch.weight, mean_weight)
            loss.backward()
        value = self._finite(loss, number)
        self._update(number)
        return value

    def _update(self, number: int) -> None:
        if self._options.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, self._options.clip_norm)
        rate = learning_rate(self._options, number, self._total)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(number)

    def _finite(self, loss: Tensor, number: int) -> float:
        value = loss.item()
        if value - value == 0:
            return value
        self._optimizer.zero_grad(set_to_none=True)
        raise diverged(number + 1, f"a loss of {value}", self._options)


def diverged(step: int, received: str, options: FitOptions) -> TrainingError:
    """Make the error for a run that can't go on after a step (from 1)."""
    clip = "" if options.clip_norm is not None else ", clip_norm=1.0"
    return TrainingError(
        f"Training stopped at step {step}: the loss must stay finite",
        received=received,
        remedy=f"Try learning_rate={options.learning_rate / 10:g}{clip} or warm_up=100, and look "
        "for extreme values in the data. The model has its last good weights.",
    )


def _trainable(model: Model) -> list[nn.Parameter]:
    found = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not found:
        raise TrainingError(
            "A model that is trained has parameters that require gradients",
            received=f"{type(model).__name__} without one",
            remedy="Unfreeze a part: part.requires_grad_(True).",
        )
    return found
