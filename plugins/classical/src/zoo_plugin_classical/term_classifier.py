"""TermClassifier: naive Bayes' rule for amounts that are no counts, such as tf-idf."""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_core.interfaces.call import NoOptions
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.requests import checked_batches
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_classical.class_condition import n_classes, told_classes


class TermClassifierConfig(zoo.Config):
    """The fields that every classifier of amounts has.

    space: real numbers, those between 0 and 1, or counts; amounts are 0 or more. conditioner: the
    classes, as core/label makes one-hot vectors of them. alpha: what is added to the sum of each
    entry, in each class.
    """

    space: Space
    conditioner: Annotated[Part, Provides(Conditioner)]
    alpha: pydantic.NonNegativeFloat = 1.0

    @pydantic.model_validator(mode="after")
    def _amounts(self) -> Self:
        if self.space.kind not in (Kind.REAL, Kind.UNIT, Kind.COUNT):
            raise ValueError("amounts are real numbers, those between 0 and 1, or counts")
        if self.space.ragged or self.space.missing or not self.space.size:
            raise ValueError("amounts are whole arrays of one shape, with no missing values")
        return self


class TermClassifier(Classifier):
    """p(y | x) ∝ exp(w_y · x + b_y), with weights that sums over the rows of each class give.

    It is no model of x: fractions have no multinomial distribution. Learnt in one pass, and more
    rows by `partial_fit`; a row whose class is unknown (−1) has no part in it.
    """

    Config: ClassVar[type[zoo.Config]] = TermClassifierConfig

    config: Any
    rows: Tensor
    totals: Tensor

    @abstractmethod
    def _weights(
        self, rows: Float[Tensor, " k"], totals: Float[Tensor, "k d"]
    ) -> tuple[Float[Tensor, "k d"], Float[Tensor, " k"]]:
        """Give w and b from the weight of each class and the sums of its rows, in float64."""

    @final
    def _build(self) -> None:
        size = (self.classes, self.space.size)
        self.weight = nn.Parameter(torch.zeros(size))
        self.bias = nn.Parameter(torch.zeros(self.classes))
        self.register_buffer("rows", torch.zeros(self.classes, dtype=torch.float64))
        self.register_buffer("totals", torch.zeros(size, dtype=torch.float64))

    @property
    def classes(self) -> int:
        """How many classes there are, K: the conditioner's."""
        return n_classes(self)

    @final
    def partial_fit(self, x: Any, *, condition: Any = None, weight: Any = None) -> FitReport:
        """Learn more rows: the same as one `fit` of all rows so far.

        `x`, `condition` and `weight` are as in `fit`. Raises DataError, ConditionError.
        """
        self._refuse_given("be fitted")
        return self._taught(checked_batches(self, x, condition, weight), afresh=False)

    @final
    def _fit(self, request: FitRequest) -> FitReport:
        self._options(NoOptions, request.options)
        return self._taught(request.data, afresh=True)

    @final
    @torch.no_grad()
    def _taught(self, data: Any, *, afresh: bool) -> FitReport:
        began = time.perf_counter()
        rows = self.rows.double() * (not afresh)
        totals = self.totals.double() * (not afresh)
        for batch in [data] if isinstance(data, zoo.Batch) else data:
            more_rows, more_totals = self._sums(batch)
            rows, totals = rows + more_rows, totals + more_totals
        if not bool(rows.any()):
            raise DataError(
                "Data have a row whose class is known and whose weight is above 0", received="none"
            )
        weight, bias = self._weights(rows, totals)
        for tensor, values in zip(
            (self.rows, self.totals, self.weight, self.bias),
            (rows, totals, weight, bias),
            strict=True,
        ):
            tensor.copy_(values)
        return FitReport(1, time.perf_counter() - began, StopReason.CONVERGED)

    @final
    def _sums(self, batch: zoo.Batch) -> tuple[Tensor, Tensor]:
        """Give the weight of each class and the sums of its rows."""
        x: Any = self._move(batch.x)
        told = told_classes(self._context_of(batch.condition, len(batch))).double()
        if batch.weight is not None:
            told = told * batch.weight.to(self.device)[:, None]
        return told.sum(0), told.T @ _amounts(x).double()

    @final
    def _scores(self, z: Tensor) -> Float[Tensor, "n k"]:
        return linear(_amounts(z).to(self.dtype), self.weight, self.bias)

    @final
    def _log_class_prob(self, z: Any, call: zoo.Call) -> Tensor:
        del call
        return self._scores(z).log_softmax(1)

    @final
    def _loss(self, batch: zoo.Batch, call: zoo.Call) -> Tensor:
        """Give −log p(y | x); 0 where the class is unknown."""
        z: Any = batch.x
        return -(told_classes(call.context) * self._scores(z).log_softmax(1)).sum(1)


def _amounts(x: Tensor) -> Tensor:
    """Give flat rows, none of whose numbers is below 0. Raises DataError."""
    lowest = x.amin()
    if bool(lowest < 0):
        raise DataError(
            "Amounts are 0 or more",
            received=lowest.item(),
            remedy="Use Gaussian naive Bayes, or numbers that aren't standardised.",
        )
    return x.flatten(1)
