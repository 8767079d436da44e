"""The registry entry of a model that was pushed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from zoo_core.checkpoints.card import Card
from zoo_core.checkpoints.saving import file_hash
from zoo_core.checkpoints.texts import RECIPE
from zoo_core.hub.reference import HubReference
from zoo_core.interfaces.model import Model
from zoo_core.plugins import versions


def registry_entry(model: Model, folder: Path, pinned: HubReference, card: Card) -> str:
    """Write the entry as YAML, to stand under `models:` of a registry file."""
    name = pinned.repo.rpartition("/")[2].lower()
    family = model.architecture.partition("/")[0]
    fields = {
        "architecture": model.architecture,
        "summary": card.summary or f"A {model.architecture}.",
        "requires": _requirement(model),
        "provides": sorted(interface.__name__ for interface in model.provides),
        "sources": {"hub": {"repo": pinned.repo, "revision": pinned.revision}},
        "files": {
            path.name: {"size": path.stat().st_size, "sha256": file_hash(path)}
            for path in sorted(folder.iterdir())
        },
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": str(model.dtype).removeprefix("torch."),
        "licenses": card.licenses,
        "citation": card.citation,
        "dataset": card.dataset,
        "metrics": [metric.fields() for metric in card.metrics],
        "recipe": RECIPE if (folder / RECIPE).is_file() else None,
        "tags": list(card.tags),
        "status": "experimental",
    }
    kept: dict[str, Any] = {key: value for key, value in fields.items() if value}
    return yaml.safe_dump({f"{family}/{name}": kept}, sort_keys=False, allow_unicode=True)


def _requirement(model: Model) -> str | None:
    for distribution, version in versions([model.architecture]).items():
        return f"{distribution}>={version}"
    return None
