"""What a model costs: its size, and the time that samples and scores take here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch

from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import rng
from zoo_plugin_evaluation.conditions import told
from zoo_plugin_evaluation.scores import evaluating
from zoo_plugin_evaluation.strides import lengths_within
from zoo_plugin_evaluation.subject import Subject

ROWS = 1000
_REPEATS, _ENOUGH = 5, 1.0


@final
@dataclass(frozen=True)
class Cost:
    """Parameters, and seconds for 1000 samples, for likelihoods and for classes of 1000 rows."""

    parameters: int
    sample_seconds: float | None
    score_seconds: float | None
    class_seconds: float | None


def cost_of(subject: Subject) -> Cost:
    """Time a model on rows of its data, after a smaller call that warms up."""
    model = subject.model
    rows = torch.arange(ROWS) % len(subject.reference)
    batch = subject.reference.take(rows).to(model.device)
    condition = told(model, subject.dataset, batch.condition, subject.likelihood)
    lengths = lengths_within(model, batch.x) if isinstance(batch.x, Ragged) else None
    sampling = scoring = classifying = None
    with evaluating(model):
        if isinstance(model, Generator) and subject.generates:
            sampling = _median(
                lambda: model.sample(
                    ROWS, condition=condition, lengths=lengths, rng=rng(0, model.device)
                )
            )
        if isinstance(model, DensityModel) and subject.scores_rows:
            options = subject.options.log_prob
            scoring = _median(lambda: model.log_prob(batch.x, condition=condition, **options))
        if isinstance(model, Classifier) and subject.classifies:
            classifying = _median(lambda: model.log_class_prob(batch.x))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Cost(parameters, sampling, scoring, classifying)


def _median(work: Callable[[], object]) -> float:
    """Give the median of five timings, of fewer where one takes longer than a second."""
    times: list[float] = []
    work()
    while len(times) < _REPEATS and sum(times) < _ENOUGH:
        _synchronise()
        began = time.perf_counter()
        work()
        _synchronise()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
