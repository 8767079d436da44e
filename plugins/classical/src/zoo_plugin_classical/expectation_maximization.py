"""Expectation-maximisation: the loop that all models of the family with something hidden share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, final

import pydantic
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_core.interfaces.call import NoOptions
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.randomness import child_rng
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics
from zoo_plugin_classical.kept_state import guarded, restore, state_of

PRESENT = "present"
"""The start of a fit that goes on from the parameters that the model has."""
LOG_LIKELIHOOD = "log_likelihood"
"""Name of Σ weight · log p(z) among the statistics of a model that is fitted here."""


class EMOptions(zoo.Config):
    """Options of `fit`: how many steps, the gain in nats a row below which it stops, the starts.

    With tolerance 0 it takes all its steps.
    """

    iterations: pydantic.PositiveInt = 100
    tolerance: pydantic.NonNegativeFloat = 1e-4
    restarts: pydantic.PositiveInt = 1


@final
class NetworkRows:
    """A re-iterable of rows in network space, as (z, weight, call); a Batch is mapped once.

    `options` is what each call carries to `_statistics`, by default nothing.
    """

    def __init__(
        self,
        model: Model,
        data: Any,
        rng: torch.Generator,
        options: Any = None,
    ) -> None:
        self.model, self.data = model, data
        self.options = NoOptions() if options is None else options
        self.seed = int(torch.randint(2**62, (), generator=rng, device=rng.device))
        self._once = list(self._pass()) if isinstance(data, zoo.Batch) else None

    def __iter__(self) -> Iterator[tuple[Any, Tensor, zoo.Call]]:
        return self._pass() if self._once is None else iter(self._once)

    def _pass(self) -> Iterator[tuple[Any, Tensor, zoo.Call]]:
        model = self.model
        generator = torch.Generator(model.device).manual_seed(self.seed)
        for batch in [self.data] if isinstance(self.data, zoo.Batch) else self.data:
            z, _ = model._to_network(model._move(batch.x), generator, None)
            context = model._context_of(batch.condition, len(batch))
            call = zoo.Call(generator, context=context, options=self.options)
            weight = torch.ones(len(batch)) if batch.weight is None else batch.weight
            yield z, weight.to(model.device, model.dtype), call


@final
@dataclass
class _Climb:
    """One run from one start: its figures, and why it ended."""

    history: list[Mapping[str, float]] = field(default_factory=list)
    stopped: StopReason = StopReason.FINISHED
    stats: Stats | None = None

    @property
    def objective(self) -> float:
        return -self.history[-1]["loss"] if self.history else -math.inf

    def report(self, restarts: int, seconds: float) -> FitReport:
        """Say what the run from the best of several starts did."""
        return FitReport(
            steps=len(self.history) - 1,
            seconds=seconds,
            stopped=self.stopped,
            history=tuple(self.history),
            best=self.history[-1] if self.history else None,
            restarts=restarts,
        )


Reseed = Callable[..., bool]
"""`reseed(rows, stats, rng=…)`: whether it has changed the model, given its last statistics."""


def fit_by_em(
    model: SufficientStatistics,
    request: FitRequest,
    options: Any,
    start: Callable[[NetworkRows, torch.Generator], None],
    call_options: Any = None,
    reseed: Reseed | None = None,
) -> FitReport:
    """Fit from `options.restarts` starts by steps of EM, and keep the best by its objective.

    `start` sets the parameters from rows and a generator; preprocessing is fitted before, unless
    the request is to start from what is present. `reseed` may, when a climb has ended, give parts
    of the model that no longer count another place; the climb goes on from there, and counts only
    if it ends higher than before: its steps enter the history from where they are.

    `history` has an entry a step: `loss`, minus the objective (log-likelihood plus log_prior),
    which never rises, and `log_likelihood`, both in nats a row. What fails leaves the model as it
    was; an interrupt leaves the best so far.
    """
    began = time.perf_counter()
    best, kept, interrupted = _Climb(), state_of(model), False
    with guarded(model):
        if request.start != PRESENT:
            model.fit_preprocessing(request.data, request.rng)
        rows = NetworkRows(model, request.data, request.rng, call_options)
        valid = None if request.valid is None else NetworkRows(model, request.valid, request.rng)
        for _ in range(options.restarts):
            rng = child_rng(request.rng, model.device)
            start(rows, rng)
            climb = _climb(model, rows, valid, options)
            if reseed is not None:
                climb = _reseeded(model, rows, valid, options, climb, partial(reseed, rng=rng))
            if climb.objective > best.objective:
                best, kept = climb, state_of(model)
            interrupted = climb.stopped is StopReason.INTERRUPTED
            if interrupted:
                break
        restore(model, kept)
    report = best.report(options.restarts, time.perf_counter() - began)
    return replace(report, stopped=StopReason.INTERRUPTED) if interrupted else report


def _climb(
    model: SufficientStatistics, rows: NetworkRows, valid: NetworkRows | None, options: Any
) -> _Climb:
    """Take steps until the gain is below the tolerance; the last figures are the result's."""
    climb = _Climb()
    try:
        for step in range(options.iterations + 1):
            stats, total = expectation(model, rows)
            climb.history.append(_figures(model, stats, total, step, valid))
            climb.stats = stats
            if step and options.tolerance > 0 and _gain(climb.history) < options.tolerance:
                climb.stopped = StopReason.CONVERGED
                break
            if step < options.iterations:
                model.update(stats)
    except KeyboardInterrupt:
        climb.stopped = StopReason.INTERRUPTED
    return climb


def _reseeded(
    model: SufficientStatistics,
    rows: NetworkRows,
    valid: NetworkRows | None,
    options: Any,
    climb: _Climb,
    reseed: Callable[..., bool],
) -> _Climb:
    """Climb on from where parts of the model were given another place, as long as that pays."""
    while climb.stopped is not StopReason.INTERRUPTED and climb.stats is not None:
        kept = state_of(model)
        if not reseed(rows, climb.stats):
            break
        further = _climb(model, rows, valid, options)
        if further.objective <= climb.objective + options.tolerance:
            restore(model, kept)
            break
        higher = [dict(e) for e in further.history if e["loss"] < climb.history[-1]["loss"]]
        steps = range(len(climb.history), len(climb.history) + len(higher))
        further.history[:] = climb.history + [
            {**entry, "step": step} for entry, step in zip(higher, steps, strict=True)
        ]
        climb = further
    return climb


@torch.no_grad()
def expectation(model: SufficientStatistics, rows: NetworkRows) -> tuple[Stats, float]:
    """Give the statistics of all rows under the present parameters, and the sum of weights."""
    stats, total = None, 0.0
    for z, weight, call in rows:
        own = model._statistics(z, weight, call)
        stats = own if stats is None else stats + own
        total += float(weight.sum())
    if stats is None or total == 0:
        raise DataError("Data have at least one row whose weight is above 0", received="none")
    return stats, total


def _figures(
    model: SufficientStatistics, stats: Stats, total: float, step: int, valid: NetworkRows | None
) -> dict[str, float]:
    log_likelihood = float(stats[LOG_LIKELIHOOD])
    objective = (log_likelihood + float(model.log_prior().detach())) / total
    if not math.isfinite(objective):
        raise DataError(
            "The data have a finite likelihood under the model",
            received=f"{objective} nats a row after {step} steps",
            remedy="Scale the columns, or raise the floor of the variances.",
        )
    figures = {"step": step, "loss": -objective, "log_likelihood": log_likelihood / total}
    if valid is not None:
        held, n = expectation(model, valid)
        figures["valid"] = -float(held[LOG_LIKELIHOOD]) / n
    return figures


def _gain(history: list[Mapping[str, float]]) -> float:
    return history[-2]["loss"] - history[-1]["loss"]
