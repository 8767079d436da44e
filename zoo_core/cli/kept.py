"""What the zoo keeps on the disk: the compiled index, what was verified, downloaded models."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from zoo_core.errors import UnknownNameError
from zoo_core.hub.reference import PREFIX, HubReference
from zoo_core.hub.settings import cache
from zoo_core.plugins.folders import cache_folder

_MODELS = "models--"


@final
@dataclass(frozen=True)
class Kept:
    """A folder of things that can be made or downloaded again."""

    name: str
    folder: str
    files: int
    size: int
    about: str = ""

    def delete(self) -> None:
        """Delete the folder and, of a model, its locks. Raises OSError."""
        folder = Path(self.folder)
        shutil.rmtree(folder)
        if folder.name.startswith(_MODELS):
            shutil.rmtree(folder.parent / ".locks" / folder.name, ignore_errors=True)


def index() -> Kept:
    """The compiled index of registry files."""
    return _kept("index", Path(cache_folder()) / "registry", "compiled registry files")


def verified() -> Kept:
    """Which files were hashed, and what was found."""
    return _kept("verified", Path(cache_folder()) / "verified", "which files were verified")


def models() -> list[Kept]:
    """The models in the Hub's cache that the zoo has brought there, by name."""
    try:
        folders = sorted(cache().glob(f"{_MODELS}*--*"))
    except OSError:
        return []
    kinds = ((folder, _architecture(folder) or _foreign(folder)) for folder in folders)
    return [_model(folder, kind) for folder, kind in kinds if kind is not None]


def model_named(ref: str) -> Kept:
    """The downloaded files of a model, by registry name, hf://owner/repo or owner/repo.

    Raises UnknownNameError for a name of neither kind.
    """
    repo = _repository(ref)
    folder = cache() / f"{_MODELS}{repo.replace('/', '--')}"
    return _model(folder, _architecture(folder) or "")


def _repository(ref: str) -> str:
    if ref.startswith(PREFIX):
        return HubReference.parse(ref).repo
    from zoo_core.registry import ModelInfo, info

    try:
        found = info(ref)
    except UnknownNameError:
        if (cache() / f"{_MODELS}{ref.replace('/', '--')}").is_dir():
            return HubReference(ref).repo
        raise
    sources = found.fields.get("sources") if isinstance(found, ModelInfo) else None
    place = sources.get("hub") if isinstance(sources, dict) else None
    if not isinstance(place, dict):
        raise UnknownNameError(f"{ref} has no files on a Hub, so none are in the cache")
    return str(place["repo"])


def _model(folder: Path, architecture: str) -> Kept:
    name = folder.name.removeprefix(_MODELS).replace("--", "/", 1)
    return _kept(f"{PREFIX}{name}", folder, architecture)


def _architecture(folder: Path) -> str | None:
    """Give the architecture of a repository that is the zoo's, by its newest config.json."""
    for path in sorted(folder.glob("snapshots/*/config.json")):
        if not path.with_name("zoo_manifest.json").exists():
            continue
        try:
            return str(json.loads(path.read_bytes())["architecture"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _foreign(folder: Path) -> str | None:
    """Say what a repository is that isn't the zoo's, but that the zoo has asked for."""
    asked = Path(cache_folder()) / "listings" / folder.name.removeprefix(_MODELS)
    return "in another library's format" if asked.is_dir() else None


def _kept(name: str, folder: Path, about: str) -> Kept:
    sizes = list(_sizes(str(folder)))
    return Kept(name, str(folder), len(sizes), sum(sizes), about)


def _sizes(folder: str) -> Iterator[int]:
    """Give the size of each file, links (of snapshots to blobs) left out."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _sizes(entry.path)
        elif not entry.is_symlink():
            yield entry.stat().st_size
