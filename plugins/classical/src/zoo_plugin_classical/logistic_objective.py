"""The objective of logistic regression: the penalised loss, of weights of standardised features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import linear, pad

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_plugin_classical.class_condition import told_classes

if TYPE_CHECKING:
    from zoo_plugin_classical.logistic_regression import LogisticRegression


@final
@dataclass(frozen=True)
class DesignRows:
    """Rows of the design matrix in double precision, their classes one-hot, their weights.

    A row whose class is unknown has the weight 0.
    """

    features: Float[Tensor, "n d"]
    told: Float[Tensor, "n classes"]
    weight: Float[Tensor, " n"]


def design_rows(model: LogisticRegression, batch: zoo.Batch) -> DesignRows:
    """Map a batch to network space and make its design matrix."""
    z, _ = model._to_network(model._move(batch.x), model._rng(None, default_seed=0), None)
    told = told_classes(model._context_of(batch.condition, len(batch))).double()
    weight = torch.ones(len(batch)) if batch.weight is None else batch.weight
    return DesignRows(model.design(z, torch.float64), told, weight.to(told) * told.sum(1))


@final
class Moments:
    """Centre and scale of each feature, and the weight of each class, from one pass over rows.

    The scale of a feature that doesn't vary is 1, and it is told apart in `varies`.
    """

    def __init__(self, rows: Iterable[DesignRows]) -> None:
        zero = torch.zeros((), dtype=torch.float64)
        self.total, self.centre, self.classes, scatter = zero, zero, zero, zero
        for batch in rows:
            self.classes = self.classes.to(batch.told) + batch.weight @ batch.told
            scatter = scatter + self._merge(batch)
        deviation = (scatter / self.total.clamp_min(torch.finfo(zero.dtype).tiny)).sqrt()
        self.varies: Bool[Tensor, " d"] = deviation > 1e-12 * (1 + self.centre.abs())
        self.scale = torch.where(self.varies, deviation, 1.0)

    def _merge(self, batch: DesignRows) -> Tensor:
        """Merge the centres; give what the squares about them grow by (Chan et al. 1983, 2.1)."""
        n = batch.weight.sum()
        if n == 0:
            return torch.zeros_like(n)
        mean = batch.weight @ batch.features / n
        squares = batch.weight @ (batch.features - mean).square()
        both, gap = self.total + n, mean - self.centre
        between = gap.square() * self.total * n / both
        self.total, self.centre = both, self.centre + gap * n / both
        return squares + between

    def require_every_class(self) -> None:
        """Raise DataError for a class without rows: its probability would fall for ever."""
        empty = (self.classes == 0).nonzero().flatten().tolist()
        if empty:
            raise DataError(
                "Logistic regression is fitted to rows of every class",
                received=f"none with a weight above 0 of class {', '.join(map(str, empty))}",
                remedy="Give a conditioner of the classes that occur, or rows of the others.",
            )

    def standardised(self, rows: DesignRows) -> DesignRows:
        """Give rows whose features have mean 0 and variance 1, or are 0."""
        features = (rows.features - self.centre).div_(self.scale).mul_(self.varies)
        return replace(rows, features=features)

    def inner(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Map weights of features to weights of standardised features."""
        weight, bias = weight.double(), bias.double()
        return weight * self.scale, bias + weight @ self.centre

    def outer(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Map weights of standardised features to weights of features."""
        weight = weight / self.scale
        return weight, bias - weight @ self.centre


@final
class LogisticObjective:
    """The mean loss of all rows plus the penalty, in nats a row.

    That the features are centred costs nothing, since the intercept is free; that they are scaled
    leaves the penalty one of the weights of the features themselves. Both spare iterations.
    """

    def __init__(self, model: LogisticRegression, data: zoo.Batch | Iterable[zoo.Batch]) -> None:
        self.model, self.data = model, data
        self.penalty = model.config.penalty
        self.moments = Moments(self._designed(data))
        self.moments.require_every_class()
        self._once = list(self._standardised()) if isinstance(data, zoo.Batch) else None

    def __call__(self, weight: Tensor, bias: Tensor) -> Tensor:
        """Give the objective, differentiable."""
        total = self.penalty / 2 * (weight / self.moments.scale).square().sum()
        for rows in self.rows():
            total = total + _loss(rows, weight, bias)
        return total / self.moments.total

    @torch.no_grad()
    def mean_loss(
        self, data: zoo.Batch | Iterable[zoo.Batch], weight: Tensor, bias: Tensor
    ) -> float:
        """Give the mean loss of other rows, without the penalty."""
        total = loss = 0.0
        for rows in map(self.moments.standardised, self._designed(data)):
            total += float(rows.weight.sum())
            loss += float(_loss(rows, weight, bias))
        return loss / total if total else math.nan

    def rows(self) -> Iterator[DesignRows]:
        """Go through the rows with standardised features; those of one Batch are kept."""
        return self._standardised() if self._once is None else iter(self._once)

    def _standardised(self) -> Iterator[DesignRows]:
        return map(self.moments.standardised, self._designed(self.data))

    def _designed(self, data: zoo.Batch | Iterable[zoo.Batch]) -> Iterator[DesignRows]:
        batches = [data] if isinstance(data, zoo.Batch) else data
        return (design_rows(self.model, batch) for batch in batches)


def scores(features: Tensor, weight: Tensor, bias: Tensor) -> Float[Tensor, "n classes"]:
    """Give W x + b of each class; one row of weights is that of the second class of two."""
    found = linear(features, weight, bias)
    return pad(found, (1, 0)) if len(weight) == 1 else found


def _loss(rows: DesignRows, weight: Tensor, bias: Tensor) -> Tensor:
    """Give Σ weight · −log p(y | x)."""
    log_probs = scores(rows.features, weight, bias).log_softmax(1)
    return -(rows.weight @ (rows.told * log_probs).sum(1))
