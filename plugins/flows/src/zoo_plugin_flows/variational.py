"""Variational inference: fitting a model to a density that is known up to a constant."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Self, final

import pydantic
import torch
from torch import Tensor

from zoo_core.config import Config
from zoo_core.errors import ConfigError, OptionError, TrainingError, UnsupportedError
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.fitting import FitReport, StopReason
from zoo_core.interfaces.randomness import fresh_rng
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_plugin_flows.target import Target, log_density_of

_ENTRIES = 100


@final
class Estimator(StrEnum):
    """Which gradient of the divergence is followed.

    `path`: only that through the samples, whose variance is zero where the model equals the target
    (Roeder et al. 2017, arXiv:1703.09194). It scores each batch once more. `total`:
    with that of log q at fixed samples, whose expectation is zero.
    """

    PATH = "path"
    TOTAL = "total"


@final
class VariationalOptions(Config):
    """Options of `fit_to_density`.

    Adam takes `steps` steps with `batch_size` samples each; its learning rate falls to zero along
    a cosine; the gradient's norm is clipped to `clip_norm`. Over the first `anneal` steps the
    target's log-density is multiplied by a factor that rises from `first_weight` to 1 (Rezende &
    Mohamed 2015, section 6), so that a target with several modes is found flat first.
    """

    steps: pydantic.PositiveInt = 1000
    batch_size: pydantic.PositiveInt = 256
    learning_rate: pydantic.PositiveFloat = 2e-3
    estimator: Estimator = Estimator.PATH
    anneal: Annotated[int, pydantic.Field(ge=0)] = 0
    first_weight: Annotated[float, pydantic.Field(ge=0, le=1)] = 0.01
    clip_norm: pydantic.PositiveFloat | None = 10.0

    @pydantic.model_validator(mode="after")
    def _ends_at_the_target(self) -> Self:
        if self.anneal >= self.steps:
            raise ValueError("anneal is less than steps, or the target itself is never fitted")
        return self

    def weight(self, step: int) -> float:
        """Give the factor on the target's log-density at a step, from 0."""
        if step >= self.anneal:
            return 1.0
        return self.first_weight + (1 - self.first_weight) * step / self.anneal


def fit_to_density(
    model: Any, log_density: Target, *, rng: torch.Generator | None = None, **options: Any
) -> FitReport:
    """Fit a model q to an unnormalised density p̃ by reverse Kullback–Leibler divergence.

    Minimises E_q[log q(x) − log p̃(x)] by reparameterised samples; it is KL(q ‖ p) − log Z, so
    that minus the reported `loss` bounds log Z from below (Rezende & Mohamed 2015,
    arXiv:1505.05770, equation 15). q tends to leave out modes: see `importance_sample`.

    model: one with `rsample` and `log_prob`, told its condition by `given` if it takes one.
    log_density: a function of samples `[n, *shape]` in data space to log p̃ `[n]` in nats,
    differentiable; or a DensityModel of the same space. options: VariationalOptions. The history
    has 100 entries at most, each a mean over the steps since the one before. Raises OptionError,
    UnsupportedError, DataError for a target of another space, and TrainingError where the loss
    is no longer finite, with the weights as they were before that step.
    """
    parsed = _parsed(options)
    provided = model.provides
    if not {Reparameterized, DensityModel} <= provided:
        raise UnsupportedError(
            "A model is fitted to a density by its samples' gradients",
            received=f"{model.architecture}, which lacks rsample or log_prob",
            remedy="Use a model that provides Reparameterized and DensityModel: a flow, say.",
        )
    fitting = _Fitting(model, log_density_of(log_density, model), parsed)
    return fitting.run(fresh_rng() if rng is None else rng)


@final
class _Fitting:
    """One fit: the model, its target and the optimiser."""

    def __init__(
        self, model: Any, target: Callable[[Tensor], Tensor], options: VariationalOptions
    ) -> None:
        self.model, self.target, self.options = model, target, options
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=options.learning_rate)

    def run(self, rng: torch.Generator) -> FitReport:
        """Take all steps, in the mode in which the model samples: without dropout."""
        started, training = time.perf_counter(), self.model.training
        every = math.ceil(self.options.steps / _ENTRIES)
        history, losses = [], []
        self.model.eval()
        try:
            for step in range(self.options.steps):
                losses.append(self._step(step, rng))
                if (step + 1) % every == 0 or step + 1 == self.options.steps:
                    history.append({"step": step + 1.0, "loss": sum(losses) / len(losses)})
                    losses.clear()
        finally:
            self.model.train(training)
        seconds = time.perf_counter() - started
        return FitReport(
            self.options.steps, seconds, StopReason.FINISHED, tuple(history), history[-1]
        )

    def _step(self, step: int, rng: torch.Generator) -> float:
        """Take one step; give the mean of log q − log p̃ before it."""
        options = self.options
        rate = options.learning_rate * 0.5 * (1 + math.cos(math.pi * step / options.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = self._gradients(options.weight(step), rng)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, options.clip_norm or math.inf)
        if not (math.isfinite(loss) and bool(norm.isfinite())):
            raise TrainingError(
                f"The loss and its gradient are finite; at step {step + 1} they aren't",
                received=f"loss {loss}, norm of the gradient {norm.item()}",
                remedy="Lower learning_rate, anneal the target, or check that its log-density is "
                "finite wherever the model has samples.",
            )
        self.optimiser.step()
        return loss

    def _gradients(self, weight: float, rng: torch.Generator) -> float:
        """Put the gradient of the annealed divergence into the parameters; give the plain one."""
        n, path = self.options.batch_size, self.options.estimator is Estimator.PATH
        x, log_q = self.model.rsample(n, rng=rng)
        if path:
            leaf = x.detach().requires_grad_()
            log_q, log_p = self.model.log_prob(leaf, rng=rng), self.target(leaf)
            (pull,) = torch.autograd.grad((log_q - weight * log_p).mean(), leaf)
            gradients = torch.autograd.grad(x, self.parameters, pull, allow_unused=True)
        else:
            log_p = self.target(x)
            divergence = (log_q - weight * log_p).mean()
            gradients = torch.autograd.grad(divergence, self.parameters, allow_unused=True)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        return float((log_q - log_p).detach().mean())


def _parsed(options: dict[str, Any]) -> VariationalOptions:
    try:
        return VariationalOptions.parse(options)
    except ConfigError as error:
        raise OptionError(error.rule, received=error.received, remedy=error.remedy) from None
