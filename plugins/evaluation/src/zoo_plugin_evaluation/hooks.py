"""What this plugin adds to the zoo: the evaluation behind `zoo evaluate` and recipes."""

from __future__ import annotations

from zoo_core import hookimpl
from zoo_core.interfaces.metric import EvaluationRequest, Metric
from zoo_core.interfaces.model import Model


@hookimpl
def zoo_evaluate(model: Model, request: EvaluationRequest) -> tuple[Metric, ...]:
    """Measure any model of the zoo: what it assigns to data, and what it generates."""
    from zoo_plugin_evaluation.evaluation import measure

    return measure(model, request)
