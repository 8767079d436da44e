"""Stepwise EM: steps after each mini-batch, for data that one would rather not pass often."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, final

import pydantic
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError, OptionError
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.randomness import child_rng
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics
from zoo_plugin_classical.expectation_maximization import (
    LOG_LIKELIHOOD,
    PRESENT,
    EMOptions,
    NetworkRows,
)
from zoo_plugin_classical.kept_state import guarded


class StepwiseOptions(EMOptions):
    """Options of `fit` by EM, by whole passes or by mini-batches.

    batch_size: rows after which a step is taken; None for exact steps, after whole passes.
    `iterations` then counts passes. decay: the exponent of the step sizes (t + 2)^−decay.
    """

    batch_size: pydantic.PositiveInt | None = None
    decay: Annotated[float, pydantic.Field(gt=0.5, le=1)] = 0.7


class Stepwise(SufficientStatistics):
    """A model whose statistics can be carried over from one set of parameters to the next."""

    @abstractmethod
    def _carried(self, stats: Stats) -> Stats:
        """Give statistics by which the model was just updated as those of its new parameters."""


def fit_stepwise(
    model: Stepwise,
    request: FitRequest,
    options: StepwiseOptions,
    start: Callable[[NetworkRows, torch.Generator], None],
) -> FitReport:
    """Fit by s ← (1 − η_t) s + η_t s(batch), η_t = (t + 2)^−decay, and an update after each.

    Cappé & Moulines 2009, eq. 10. Rows in memory are shuffled before each pass; those that come
    in batches are taken in their order. `history` has an entry a pass: minus the mean
    log-likelihood of each batch before it was learnt from, in nats a row, which may rise. What
    fails leaves the model as it was.
    """
    if options.restarts > 1:
        raise OptionError(
            "Mini-batches are learnt from one start", received=f"restarts={options.restarts}"
        )
    began = time.perf_counter()
    with guarded(model):
        history, stopped = _passes(model, request, options, start)
    return FitReport(
        steps=len(history),
        seconds=time.perf_counter() - began,
        stopped=stopped,
        history=tuple(history),
        best=history[-1] if history else None,
    )


def _passes(
    model: Stepwise,
    request: FitRequest,
    options: StepwiseOptions,
    start: Callable[[NetworkRows, torch.Generator], None],
) -> tuple[list[Mapping[str, float]], StopReason]:
    if request.start != PRESENT:
        model.fit_preprocessing(request.data, request.rng)
    rows = NetworkRows(model, request.data, request.rng)
    start(rows, child_rng(request.rng, model.device))
    running, history = _Running(model, options.decay), []
    for step in range(1, options.iterations + 1):
        try:
            loss = running.pass_over(_batches(rows, options.batch_size or 1, request.rng))
        except KeyboardInterrupt:
            return history, StopReason.INTERRUPTED
        history.append({"step": step, "loss": loss, "log_likelihood": -loss})
        if step > 1 and abs(history[-2]["loss"] - loss) < options.tolerance:
            return history, StopReason.CONVERGED
    return history, StopReason.FINISHED


@final
class _Running:
    """The statistics as they run, a row's worth of them, and the number of steps taken."""

    def __init__(self, model: Stepwise, decay: float) -> None:
        self.model, self.decay, self.steps = model, decay, 0
        self.stats: Stats | None = None

    @torch.no_grad()
    def pass_over(self, batches: Iterator[tuple[Any, Tensor, zoo.Call]]) -> float:
        """Learn from batches; give minus their log-likelihood a row, each before it was learnt."""
        log_likelihood = total = 0.0
        for z, weight, call in batches:
            count = float(weight.sum())
            if count == 0:
                continue
            stats = self.model._statistics(z, weight, call)
            log_likelihood += float(stats[LOG_LIKELIHOOD])
            total += count
            self._learn((1 / count) * stats)
        if total == 0:
            raise DataError("Data have at least one row whose weight is above 0", received="none")
        return -log_likelihood / total

    def _learn(self, stats: Stats) -> None:
        if self.stats is not None:
            share = (self.steps + 2) ** -self.decay
            stats = (1 - share) * self.stats + share * stats
        self.steps += 1
        self.model.update(stats)
        self.stats = self.model._carried(stats)


def _batches(
    rows: NetworkRows, size: int, rng: torch.Generator
) -> Iterator[tuple[Any, Tensor, zoo.Call]]:
    """Cut rows into mini-batches, shuffled where all of them are at hand."""
    shuffles = isinstance(rows.data, zoo.Batch)
    for z, weight, call in rows:
        order = torch.arange(len(z), device=weight.device)
        if shuffles:
            order = torch.randperm(len(z), generator=rng, device=rng.device).to(weight.device)
        for part in order.split(size):
            yield z[part], weight[part], call
