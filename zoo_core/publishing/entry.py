"""The registry entry of a saved model: nothing of it is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_core.checkpoints.card import Card
from zoo_core.checkpoints.folders import files_of
from zoo_core.checkpoints.saving import file_hash
from zoo_core.checkpoints.texts import RECIPE
from zoo_core.hub.reference import HubReference
from zoo_core.interfaces.model import Model
from zoo_core.plugins import versions
from zoo_core.registry.emission import emit


def registry_entry(model: Model, folder: Path, pinned: HubReference, card: Card) -> str:
    """Write the entry of a pushed model as YAML, to stand under `models:` of a registry file."""
    name = pinned.repo.rpartition("/")[2].lower()
    family = model.architecture.partition("/")[0]
    fields = entry_fields(model, files_of(folder), hub_source(pinned), card)
    return emit({f"{family}/{name}": fields})


def hub_source(pinned: HubReference) -> dict[str, Any]:
    """Give the `sources` of a model that is at a commit on the Hub."""
    return {"hub": {"repo": pinned.repo, "revision": pinned.revision}}


def entry_fields(
    model: Model, files: Mapping[str, Path], sources: Mapping[str, Any], card: Card
) -> dict[str, Any]:
    """Give the fields of an entry, in the order in which registry files have them."""
    fields = {
        "architecture": model.architecture,
        "summary": card.summary or f"A {model.architecture}.",
        "requires": _requirement(model),
        "provides": sorted(interface.__name__ for interface in model.provides),
        "sources": dict(sources),
        "files": {
            name: {"size": path.stat().st_size, "sha256": file_hash(path)}
            for name, path in sorted(files.items())
        },
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": str(model.dtype).removeprefix("torch."),
        "licenses": dict(card.licenses),
        "citation": f"{card.citation.strip()}\n" if card.citation else None,
        "dataset": card.dataset,
        "metrics": [metric.fields() for metric in card.metrics],
        "recipe": RECIPE if RECIPE in files else None,
        "tags": list(card.tags),
        "status": "experimental",
    }
    return {key: value for key, value in fields.items() if value not in (None, "", [], {})}


def _requirement(model: Model) -> str | None:
    for distribution, version in versions([model.architecture]).items():
        return f"{distribution}>={version}"
    return None
