"""A model of the registry that can be loaded: its validated entry and where its files are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

from zoo_core.registry.schema import ModelEntry


@final
@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A validated entry: `entry.files`, `entry.sources.hub`, `entry.dtype`, ...

    `bundled` is the folder of the weights inside the plugin's package, if the entry names one;
    None where that folder is not there and the Hub has them.
    `distribution` is None for an entry of the user's own files.
    """

    name: str
    entry: ModelEntry
    distribution: str | None
    version: str | None
    bundled: Path | None
    path: str
    line: int
