"""NaiveBayes: data whose distribution given their class is one of a stack."""

from __future__ import annotations

import time
from abc import abstractmethod
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Int64
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.conditioners.label import Label
from zoo_core.errors import ConfigError, DataError
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.requests import checked_batches
from zoo_core.interfaces.space import Space
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics
from zoo_plugin_classical.expectation_maximization import (
    LOG_LIKELIHOOD,
    EMOptions,
    NetworkRows,
    expectation,
    fit_by_em,
)
from zoo_plugin_classical.kept_state import guarded, restore
from zoo_plugin_classical.stack import without
from zoo_plugin_classical.taught_stack import TaughtStack

_IMPOSSIBLE = -1e30
"""A log-probability for what has probability 0, where sums must be finite."""


@final
class ClassPrior(StrEnum):
    """Where the probabilities of classes come from: the rows' weights, or all are the same."""

    LEARNT = "learnt"
    UNIFORM = "uniform"


@final
class Start(StrEnum):
    """Where EM starts: from the rows whose class is known, or from the present parameters."""

    LABELS = "labels"
    PRESENT = "present"


class NaiveBayesConfig(zoo.Config):
    """The fields that every naive Bayes model has.

    space: what one sample is. conditioner: the classes, as core/label makes one-hot vectors of
    them, with `missing` where some rows have none. prior: `learnt`, `uniform`, or the classes'
    probabilities.
    """

    space: Space
    conditioner: Annotated[Part, Provides(Conditioner)]
    prior: ClassPrior | tuple[pydantic.PositiveFloat, ...] = ClassPrior.LEARNT

    @pydantic.model_validator(mode="after")
    def _adds_up(self) -> Self:
        if isinstance(self.prior, tuple) and not abs(sum(self.prior) - 1) < 1e-6:
            raise ValueError("the probabilities of classes add up to 1")
        return self


class NaiveBayes(zoo.Generator, JointModel, Conditionable, SufficientStatistics):
    """p(x, y) = p(y) Π_j p(x_j | y): entries that are independent given the class.

    Where all classes are known, `fit` is one pass over the data and `partial_fit` learns more of
    them. Rows whose class is unknown (−1) count in each class by its probability given the row,
    by EM (Nigam et al. 2000, section 4). Missing entries are summed out.
    """

    Config: ClassVar[type[zoo.Config]] = NaiveBayesConfig
    screens: ClassVar[bool] = True

    config: Any
    taught: TaughtStack

    @abstractmethod
    def _taught(self, k: int) -> TaughtStack:
        """Make the distributions of k classes; random numbers come from torch's global state."""

    @final
    def _build(self) -> None:
        k, prior = self.classes, self.config.prior
        if isinstance(prior, tuple) and len(prior) != k:
            raise ConfigError(
                f"prior has a probability for each of {k} classes", received=len(prior)
            )
        self.taught = self._taught(k)
        if prior is ClassPrior.LEARNT:
            self.class_logits = nn.Parameter(torch.zeros(k))

    @final
    def _class_log_prior(self) -> Tensor:
        prior = self.config.prior
        if prior is ClassPrior.LEARNT:
            return self.class_logits.log_softmax(0)
        chances = prior if isinstance(prior, tuple) else (1.0,) * self.classes
        weights = torch.tensor(chances, device=self.device, dtype=self.dtype)
        return (weights / weights.sum()).log()

    @final
    def _log_prob_each(self, z: Any, call: zoo.Call) -> Tensor:
        del call
        return self.taught.stack.log_prob_each(z)

    @final
    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        which = self._classes_of(n, call)
        if isinstance(call.observed, Observed):
            values: Any = self._move(call.observed.values)
            known = without(values, call.observed.mask)
            drawn = self.taught.stack.sample_rest(known, which, call.rng)
        else:
            drawn = self.taught.stack.sample_each(which, call.rng)
        return drawn.reshape(n, *self.space.shape)

    @final
    def _conditional_mean(self, values: Tensor, mask: Tensor, call: zoo.Call) -> Tensor:
        del mask
        return self.taught.stack.mean_of(self._responsibilities(values, call)).reshape(values.shape)

    # Learning.

    @final
    def partial_fit(self, x: Any, *, condition: Any = None, weight: Any = None) -> FitReport:
        """Learn more rows, whose classes are known; the same as one `fit` of all rows so far.

        `x`, `condition` and `weight` are as in `fit`. What an earlier fit or `update` learnt
        counts as rows so far; a new model has none. Raises DataError, ConditionError.
        """
        self._refuse_given("be fitted")
        began = time.perf_counter()
        data = checked_batches(self, x, condition, weight)
        if not self._learnt_by_labels(data, afresh=False):
            raise DataError(
                "partial_fit learns rows whose class is known",
                received="a label that isn't",
                remedy="Leave such rows out, or give all rows to fit, which learns them by EM.",
            )
        return self._report(began, {})

    @final
    def _fit(self, request: FitRequest) -> FitReport:
        began = time.perf_counter()
        options = self._options(EMOptions, request.options)
        start = self._options(_Started, {} if request.start is None else {"start": request.start})
        present = start.start is Start.PRESENT
        if present or not self._learnt_by_labels(request.data, afresh=True):
            self._screen(request.data)
            begin = _stay if present else self._start
            return fit_by_em(self, request, options, begin)
        figures = {}
        if request.valid is not None:
            held = expectation(self, NetworkRows(self, request.valid, request.rng))
            figures["valid"] = -float(held[0][LOG_LIKELIHOOD]) / held[1]
        return self._report(began, figures)

    @final
    @torch.no_grad()
    def _report(self, began: float, figures: dict[str, float]) -> FitReport:
        rows, prior = self.taught.rows, self._class_log_prior()
        score = self.taught.log_likelihood() + torch.where(rows > 0, rows * prior, 0.0).sum()
        total = float(rows.sum())
        loss = -float(score + self._log_prior()) / total
        entry = {"step": 1, "loss": loss, "log_likelihood": float(score) / total, **figures}
        return FitReport(1, time.perf_counter() - began, StopReason.CONVERGED, (entry,), entry)

    @final
    def _learnt_by_labels(self, data: Any, *, afresh: bool) -> bool:
        """Learn rows in one pass; say no, and change nothing, if a class is unknown."""
        with guarded(self) as before:
            if afresh:
                self.taught.forget()
            learnt = self._include(data)
            if learnt:
                self._learn()
        if not learnt:
            restore(self, before)
        return learnt

    @final
    def _screen(self, data: Any) -> None:
        """Raise DataError for numbers that aren't finite; a stream looks at its own."""
        if isinstance(data, zoo.Batch) and isinstance(data.x, Tensor):
            self.space.check(data.x)

    @final
    def _include(self, data: Any) -> bool:
        for batch in [data] if isinstance(data, zoo.Batch) else data:
            y = self._labels(batch)
            weight = None if batch.weight is None else batch.weight.to(self.device)
            unknown = y < 0
            if weight is not None:
                unknown &= weight > 0
            if bool(unknown.any()):
                return False
            z: Any = self._move(batch.x)
            self.taught.include(z, y.clamp_min(0), weight)
            if not self.taught.finite:
                self.space.check(z)
        if not bool(self.taught.rows.any()):
            raise DataError("Data have at least one row whose weight is above 0", received="none")
        return True

    @final
    @torch.no_grad()
    def _learn(self) -> None:
        """Set the parameters to what the sums say; without rows they stay."""
        if not bool(self.taught.rows.any()):
            return
        self.taught.learn()
        if self.config.prior is ClassPrior.LEARNT:
            # A class without rows has the probability 0.
            self.class_logits.copy_(self.taught.rows.log())

    @final
    def _labels(self, batch: zoo.Batch) -> Int64[Tensor, " n"]:
        """Give the class of each row, −1 where it isn't known."""
        codes = batch.condition
        if isinstance(self._conditioner(), Label) and isinstance(codes, Codes):
            return codes["label"].to(self.device)
        rng = torch.Generator(self.device)
        told = self._possible(zoo.Call(rng, context=self._context_of(codes, len(batch))))
        return torch.where(told.sum(1) == 1, told.long().argmax(1), -1)

    @final
    @torch.no_grad()
    def _start(self, rows: NetworkRows, rng: torch.Generator) -> None:
        """Learn from the rows whose class is known.

        A class that none is of begins with rows of unknown classes, by chance.
        """
        told = torch.zeros(self.classes, dtype=torch.float64, device=self.device)
        for _, weight, call in rows:
            told += weight.double() @ self._sure(call, len(weight)).double()
        lacking = (told == 0).double()
        self.taught.forget()
        for z, weight, call in rows:
            known = self._sure(call, len(weight))
            mine = known.any(1)
            y = known.long().argmax(1)
            if bool(lacking.any()):
                y[~mine] = _drawn(lacking, int((~mine).sum()), rng)
                mine = torch.ones_like(mine)
            self.taught.include(z, y, weight * mine)
        self._learn()
        # From here on the sums are those of all rows, on which smoothing depends.
        self._update(expectation(self, rows)[0])

    @final
    def _sure(self, call: zoo.Call, n: int) -> Tensor:
        """Mark the class of each row, `[n, K]`, where it is known."""
        possible = self._possible(call).expand(n, -1)
        return possible & (possible.sum(1, keepdim=True) == 1)

    @final
    def _statistics(self, z: Any, weight: Tensor, call: zoo.Call) -> Stats:
        each = self._log_prob_each(z, call)
        penalty = self.taught.penalty_each(z)
        each = each if penalty is None else each - penalty
        share = (each + self._log_shares(call)).softmax(1) * weight[:, None]
        prior = self._class_log_prior().clamp_min(_IMPOSSIBLE)
        joint = each + prior.masked_fill(~self._possible(call), -torch.inf)
        sums = self.taught.stack.statistics_each(z, share)
        total = weight.double() @ joint.logsumexp(1).double()
        return Stats({**sums, "classes": share.double().sum(0), LOG_LIKELIHOOD: total})

    @final
    def _update(self, stats: Stats) -> None:
        if bool(stats["classes"].any()):
            self.taught.replace(stats["classes"], stats.tensors)
            self._learn()

    @final
    def _log_prior(self) -> Tensor:
        return self.taught.stack.log_prior().to(self.device)


@final
class _Started(zoo.Config):
    """What `start=` may be."""

    start: Start = Start.LABELS


def _stay(rows: NetworkRows, rng: torch.Generator) -> None:
    """Start from the present parameters."""
    del rows, rng


def _drawn(chances: Tensor, n: int, rng: torch.Generator) -> Tensor:
    if n == 0:
        return chances.new_zeros(0, dtype=torch.int64)
    return chances.multinomial(n, replacement=True, generator=rng)
