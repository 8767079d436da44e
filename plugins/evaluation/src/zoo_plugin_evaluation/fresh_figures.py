"""Figures of a model measured now, on what it was made for."""

from __future__ import annotations

from collections.abc import Sequence

from zoo_core.cli.models import load_on
from zoo_core.interfaces.dataset import Split
from zoo_core.interfaces.metric import EvaluationRequest, Metric
from zoo_core.interfaces.randomness import rng
from zoo_core.plugins import facade
from zoo_plugin_evaluation.catalogue import wanted_all
from zoo_plugin_evaluation.data_choice import choice_of
from zoo_plugin_evaluation.training_rows import training_rows


def measured(
    ref: str, metrics: Sequence[str], split: str | None, device: str | None
) -> tuple[Metric, ...]:
    """Load a model and measure it on a split of its own data: the usual one where none is named."""
    wanted = wanted_all(metrics)
    model = load_on(ref, device)
    choice, usual = choice_of(None, ref)
    opened = choice.open(Split(split or usual), model.space)
    rows = training_rows(ref, model, None, wanted)
    return facade.evaluate(model, EvaluationRequest(opened, rows, tuple(metrics), rng(0)))
