"""The figures that the registry has of the models of a data set. Imports no torch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from zoo_core.errors import UnknownNameError
from zoo_core.registry import ModelInfo, ModelSummary, info, list_models
from zoo_plugin_evaluation.ranking import Standing


def models_of(dataset: str) -> list[ModelSummary]:
    """List the models of a data set. Raises UnknownNameError with the closest names."""
    found = list_models(dataset=dataset)
    if not found:
        known = sorted({model.dataset for model in list_models() if model.dataset})
        close = difflib.get_close_matches(dataset, known, n=2)
        remedy = (
            f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(known)}."
        )
        raise UnknownNameError(
            "A registered model has this data set", received=repr(dataset), remedy=remedy
        )
    return found


def standings_of(models: list[ModelSummary]) -> list[Standing]:
    """Give every figure of the models' registry entries."""
    found: list[Standing] = []
    for model in models:
        entry = info(model.name)
        listed = entry.fields.get("metrics") if isinstance(entry, ModelInfo) else None
        for figure in listed if isinstance(listed, list) else []:
            if isinstance(figure, Mapping):
                found.append(Standing(model.name, figure, model.parameters))
    return found
