"""The registry entry and the card of a bundled model: nothing of them is typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo_core.checkpoints.saving import file_hash
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.metric import Metric
from zoo_core.interfaces.model import Model
from zoo_core.plugins import versions
from zoo_core.publishing import Card
from zoo_core.registry import ArchitectureInfo, info
from zoo_plugin_training.recipe import ExpectedMetric, Recipe


def card_of(name: str, recipe: Recipe, test: Dataset, metrics: Sequence[ExpectedMetric]) -> Card:
    """Write the card from the recipe, the data set and the figures."""
    stated = {} if recipe.licenses is None else recipe.licenses.to_json()
    licenses = {**stated, "data": stated.get("data") or test.license}
    return Card(
        title=name,
        summary=recipe.summary,
        licenses={what: license for what, license in licenses.items() if license},
        dataset=test.name,
        metrics=[_metric(figure) for figure in metrics],
        tags=recipe.tags,
        citation=recipe.citation.strip(),
    )


def _metric(figure: ExpectedMetric) -> Metric:
    fields = figure.to_json()
    del fields["tolerance"]
    return Metric(**fields)


def entry_of(model: Model, folder: Path, card: Card, stem: str) -> dict[str, Any]:
    """Describe the saved model as the registry does."""
    fields = {
        "architecture": model.architecture,
        "summary": card.summary or f"A {model.architecture}.",
        "requires": _requirement(model),
        "provides": _provided(model),
        "sources": {"bundled": f"models/{folder.name}"},
        "files": {
            path.name: {"size": path.stat().st_size, "sha256": file_hash(path)}
            for path in sorted(folder.iterdir())
        },
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": str(model.dtype).removeprefix("torch."),
        "licenses": dict(card.licenses),
        "citation": f"{card.citation}\n" if card.citation else None,
        "dataset": card.dataset,
        "metrics": [metric.fields() for metric in card.metrics],
        "recipe": f"recipes/{stem}.yaml",
        "tags": list(card.tags),
        "status": "stable",
    }
    return {key: value for key, value in fields.items() if value is not None}


def _provided(model: Model) -> list[str]:
    """List what the model provides, in the order in which its architecture lists it."""
    provided = {interface.__name__ for interface in model.provides}
    known = info(model.architecture)
    listed = known.provides if isinstance(known, ArchitectureInfo) else ()
    return [name for name in listed if name in provided] or sorted(provided)


def _requirement(model: Model) -> str | None:
    for distribution, version in versions([model.architecture]).items():
        return f"{distribution}>={version}"
    return None
