"""The fit of logistic regression: L-BFGS on the penalised loss, in double precision."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, final

import pydantic
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError, OptionError
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_plugin_classical.kept_state import guarded
from zoo_plugin_classical.logistic_objective import DesignRows, LogisticObjective, scores

if TYPE_CHECKING:
    from zoo_plugin_classical.logistic_regression import LogisticRegression

_FAR = 30.0
"""By how many nats a step along a line changes the log-odds of the row that it changes most."""
_ROW = 0.1
"""A loss of this many nats, of all rows together, is one that no row minds."""
_EVALUATIONS = 40
"""How often one step may evaluate the loss."""


@final
class Start(StrEnum):
    """Where the search begins: at weights that are all zero, or at the present ones."""

    ZERO = "zero"
    PRESENT = "present"


@final
class LogisticOptions(zoo.Config):
    """Options of `fit`: how many iterations, and the largest slope at which it has converged.

    The slope is that of the mean loss by weights of standardised features.
    """

    iterations: pydantic.PositiveInt = 1000
    tolerance: pydantic.NonNegativeFloat = 1e-10


def fit_logistic(model: LogisticRegression, request: FitRequest) -> FitReport:
    """Minimise the penalised loss; `history` has its mean a row as `loss`, an entry an iteration.

    Raises DataError for a class without rows, and, without a penalty, for classes that a plane
    parts: their best weights are infinite. What fails leaves the model as it was.
    """
    began = time.perf_counter()
    options = model._options(LogisticOptions, request.options)
    start = _start(request.start)
    with guarded(model):
        model.fit_preprocessing(request.data, request.rng)
        search = _Search(model, request, start)
        stopped = search.run(options)
        if stopped is not StopReason.INTERRUPTED:
            search.require_finite_best()
        search.take_over()
    return FitReport(
        steps=len(search.history) - 1,
        seconds=time.perf_counter() - began,
        stopped=stopped,
        history=tuple(search.history),
        best=search.history[-1],
    )


def _start(start: Any) -> Start:
    try:
        return Start.ZERO if start is None else Start(start)
    except ValueError:
        raise OptionError(
            f"Logistic regression starts from {' or '.join(Start)}", received=repr(start)
        ) from None


@final
class _Search:
    """One search for the best weights, with the figures of each iteration."""

    def __init__(self, model: LogisticRegression, request: FitRequest, start: Start) -> None:
        self.model, self.valid = model, request.valid
        self.objective = LogisticObjective(model, request.data)
        weight, bias = model.weight.detach(), model.bias.detach()
        if start is Start.ZERO:
            weight, bias = torch.zeros_like(weight), torch.zeros_like(bias)
        if len(weight) > 1:  # what all classes share changes no probability
            weight, bias = weight - weight.mean(0), bias - bias.mean()
        self.weight, self.bias = self.objective.moments.inner(weight, bias)
        self.weight.requires_grad_()
        self.bias.requires_grad_()
        self.history: list[Mapping[str, float]] = []
        self.step: tuple[Tensor, Tensor] | None = None

    def run(self, options: LogisticOptions) -> StopReason:
        """Take steps of L-BFGS with a line search by the strong Wolfe conditions.

        Nocedal & Wright 2006, algorithms 7.5 and 3.5. The parameters never leave the best point.
        """
        optimizer = torch.optim.LBFGS(
            [self.weight, self.bias],
            max_iter=1,
            max_eval=_EVALUATIONS,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )
        try:
            self._record(self._evaluate())
            while len(self.history) <= options.iterations:
                if self._slope() <= options.tolerance or not self._improves(optimizer):
                    return StopReason.CONVERGED
        except KeyboardInterrupt:
            return StopReason.INTERRUPTED
        return StopReason.FINISHED

    def _improves(self, optimizer: torch.optim.LBFGS) -> bool:
        """Take one step; say whether the loss has fallen, as far as the digits reach."""
        before = self.weight.detach().clone(), self.bias.detach().clone()
        optimizer.step(self._evaluate)
        self._record(self._evaluate())
        self.step = self.weight.detach() - before[0], self.bias.detach() - before[1]
        return self.history[-1]["loss"] < self.history[-2]["loss"]

    @torch.enable_grad()
    def _evaluate(self) -> Tensor:
        self.weight.grad = self.bias.grad = None
        loss = self.objective(self.weight, self.bias)
        loss.backward()
        return loss.detach()

    def _slope(self) -> float:
        return max(
            float(t.grad.abs().max()) for t in (self.weight, self.bias) if t.grad is not None
        )

    def _record(self, loss: Tensor) -> None:
        figures = {"step": len(self.history), "loss": float(loss)}
        if self.valid is not None:
            figures["valid"] = self.objective.mean_loss(self.valid, self.weight, self.bias)
        self.history.append(figures)

    @torch.no_grad()
    def require_finite_best(self) -> None:
        """Raise DataError where the loss goes on falling along the last step, however far.

        Without a penalty that is so where a plane has the rows of one class on its one side, or
        on it (Albert & Anderson 1984, theorem 3): no finite weights are the best.
        """
        if self.model.config.penalty or self.step is None:
            return
        far = self._cost_of_going_far(*self.step)
        if far < _ROW:
            raise DataError(
                "Without a penalty, classes overlap: no plane may part one from the others",
                received="rows whose loss falls for ever as the weights grow",
                remedy="Give a penalty above 0, or leave out the feature that tells the class.",
            )

    def _cost_of_going_far(self, weight: Tensor, bias: Tensor) -> float:
        """Give by how many nats the loss of all rows rises along a line."""
        farthest = max(
            float((moved - moved.gather(1, rows.told.argmax(1, keepdim=True))).abs().max())
            for rows, moved in self._moved(weight, bias)
        )
        if farthest == 0:
            return torch.inf
        t = _FAR / farthest
        there = self.objective(self.weight + t * weight, self.bias + t * bias)
        return float(there - self.objective(self.weight, self.bias)) * float(
            self.objective.moments.total
        )

    def _moved(self, weight: Tensor, bias: Tensor) -> Iterator[tuple[DesignRows, Tensor]]:
        return ((r, scores(r.features, weight, bias)) for r in self.objective.rows())

    @torch.no_grad()
    def take_over(self) -> None:
        """Set the model's weights."""
        weight, bias = self.objective.moments.outer(self.weight, self.bias)
        self.model.weight.copy_(weight)
        self.model.bias.copy_(bias)
