"""A model measured for a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo_core.cli.models import load_on
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.metric import EvaluationRequest
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.randomness import rng
from zoo_plugin_evaluation.catalogue import defaults, figures, wanted_all
from zoo_plugin_evaluation.comparison import Contender
from zoo_plugin_evaluation.cost import cost_of
from zoo_plugin_evaluation.data_choice import choice_of
from zoo_plugin_evaluation.subject import Subject, check_space
from zoo_plugin_evaluation.training_rows import training_rows

_OF_SAMPLES = ("Frechet distance", "kernel distance", "precision", "recall", "coverage")


def contender(
    dataset: str, ref: str, metrics: Sequence[str], samples: int, device: str | None
) -> Contender:
    """Load a model and measure it on a data set; samples are drawn once for all figures."""
    wanted = wanted_all(metrics)
    model = load_on(ref, device)
    choice, split = choice_of(dataset, ref)
    opened = choice.open(split, model.space)
    check_space(model, opened)
    rows = training_rows(ref, model, None, wanted)
    return measured(ref, model, opened, metrics, samples, train=rows)


def measured(
    name: str,
    model: Model,
    dataset: Dataset,
    metrics: Sequence[str],
    samples: int,
    *,
    train: Dataset | None,
) -> Contender:
    """Measure a model that is here. Raises what `evaluate` raises."""
    wanted_all(metrics)
    for rows in (dataset, *filter(None, [train])):
        check_space(model, rows)
    options: dict[str, Any] = {"samples": samples}
    subject = Subject(model, EvaluationRequest(dataset, train, tuple(metrics), rng(0), options))
    return Contender(name, subject, figures(subject, _names(subject)), cost_of(subject))


def _names(subject: Subject) -> list[str]:
    if subject.request.metrics:
        return list(subject.request.metrics)
    space = subject.model.space
    drawn = subject.generates and not space.ragged and not space.missing
    return list(dict.fromkeys([*defaults(subject), *(_OF_SAMPLES if drawn else ())]))
