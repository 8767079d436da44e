"""The card of a saved model: its figures replaced, a person's words kept."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from zoo_core.checkpoints.figures import metrics_table, model_index
from zoo_core.checkpoints.sources import SourceFile
from zoo_core.checkpoints.texts import CARD, MANIFEST, parse_manifest, read_text
from zoo_core.checkpoints.writer import write_bytes
from zoo_core.errors import FormatError
from zoo_core.interfaces.metric import Metric

_HEAD = re.compile(r"\A---\n(.*?\n)?---\n", re.S)
_HEADING = "## Metrics"
_AFTER = ("## Licenses", "## Citation")
"""The sections before which a card has its figures, where it has none yet."""


def write_figures(folder: Path, dataset: str, metrics: Sequence[Metric]) -> Path:
    """Replace the figures in a folder's README.md, and its hash in the manifest.

    Only the metadata of figures and the table under "Metrics" change. The card then counts as
    written by hand, so that saving over the folder keeps it. Raises FormatError where the card's
    head is no YAML.
    """
    path = folder / CARD
    text = path.read_text("utf-8") if path.is_file() else f"# {folder.resolve().name}\n"
    new = with_figures(text, dataset, metrics).encode()
    _replace(path, new)
    manifest = folder / MANIFEST
    if manifest.is_file():
        told = parse_manifest(read_text(SourceFile(manifest)), str(folder))
        hashes = {**told.files, CARD: hashlib.sha256(new).hexdigest()}
        _replace(manifest, replace(told, files=hashes).to_bytes())
    return path


def with_figures(text: str, dataset: str, metrics: Sequence[Metric]) -> str:
    """Give a card with other figures."""
    match, head = _HEAD.match(text), head_of(text)
    body = text[match.end() :] if match else f"\n{text}"
    head.setdefault("datasets", [dataset])
    head["model-index"] = model_index(_title(head, body), dataset, metrics)
    written = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return f"---\n{written}---\n{_with_table(body, metrics_table(metrics))}"


def head_of(text: str) -> dict[str, Any]:
    """Read the metadata at the head of a card. Raises FormatError where they are no YAML."""
    match = _HEAD.match(text)
    if match is None:
        return {}
    try:
        head = yaml.safe_load(match[1] or "") or {}
    except yaml.YAMLError as error:
        raise FormatError(
            f"The head of {CARD} is YAML",
            received=" ".join(str(error).split()),
            remedy="Mend it between its two lines of ---.",
        ) from None
    if not isinstance(head, dict):
        raise FormatError(f"The head of {CARD} is a YAML mapping", received=type(head).__name__)
    return head


def _title(head: dict[str, Any], body: str) -> str:
    """Keep the name that the card has for its model, or take its first heading."""
    index = head.get("model-index")
    if isinstance(index, list) and index and isinstance(index[0], dict) and "name" in index[0]:
        return str(index[0]["name"])
    heading = re.search(r"^# (.+)$", body, re.M)
    return heading[1].strip() if heading else "model"


def _with_table(body: str, table: str) -> str:
    """Put the table in the place of the one under its heading."""
    lines = body.split("\n")
    if _HEADING not in lines:
        return _with_section(body, f"{_HEADING}\n\n{table}")
    start = lines.index(_HEADING) + 1
    rest = lines[start:]
    end = next((i for i, line in enumerate(rest) if line.startswith("#")), len(rest))
    rows = [i for i, line in enumerate(rest[:end]) if line.startswith("|")]
    if not rows:
        return "\n".join([*lines[:start], "", table, *rest])
    last = next((i for i in range(rows[0], end) if not rest[i].startswith("|")), end)
    return "\n".join([*lines[:start], *rest[: rows[0]], table, *rest[last:]])


def _with_section(body: str, section: str) -> str:
    for heading in _AFTER:
        place = body.find(f"\n{heading}\n")
        if place >= 0:
            return f"{body[: place + 1]}{section}\n\n{body[place + 1 :]}"
    return f"{body.rstrip()}\n\n{section}\n"


def _replace(path: Path, data: bytes) -> None:
    """Write beside and rename: a reader sees the old bytes or the new ones."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    write_bytes(beside, data)
    os.replace(beside, path)
