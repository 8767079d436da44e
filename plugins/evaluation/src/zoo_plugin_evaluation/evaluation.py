"""The evaluation itself, as Python and the hook call it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.metric import EvaluationRequest, Metric
from zoo_core.interfaces.model import Model
from zoo_plugin_evaluation.catalogue import figures
from zoo_plugin_evaluation.subject import Subject, check_space


def evaluate(
    model: Model,
    data: Dataset,
    *,
    metrics: Iterable[str] = (),
    train: Dataset | None = None,
    features: Any = None,
    rng: torch.Generator | None = None,
    **options: Any,
) -> tuple[Metric, ...]:
    """Measure figures of a model on a split of a data set.

    `metrics` are names; without any, those that suit the model and the data. `train` holds the
    rows that the model was trained on, for figures of privacy. `features` is a function from
    samples to features `[n, d]`, or `Features` with a name. The seed of `rng` (0 without one) is
    part of each figure's protocol. `options` are EvaluationOptions. Raises UnknownNameError for
    a metric that there isn't, UnsupportedError for one that doesn't suit, DataError,
    ConditionError, OptionError.
    """
    given = options if features is None else {**options, "features": features}
    names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    return measure(model, EvaluationRequest(data, train, names, rng, given))


def measure(model: Model, request: EvaluationRequest) -> tuple[Metric, ...]:
    """Measure what a request asks for. Raises what `evaluate` raises."""
    check_space(model, request.dataset)
    if request.train is not None:
        check_space(model, request.train)
    return tuple(figures(Subject(model, request), request.metrics))
