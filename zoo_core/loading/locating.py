"""From a reference to files on this machine, downloaded where they must be."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from zoo_core import hub
from zoo_core.checkpoints.sources import Source, SourceFile
from zoo_core.errors import FileNotOnHubError, IntegrityError, OptionError, UnknownNameError

if TYPE_CHECKING:
    from zoo_core.registry.registered import RegisteredModel

_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")
_TEXTS = ("config.json", "zoo_manifest.json", "README.md", "recipe.yaml")
_PATH = re.compile(r"[./\\~]|[A-Za-z]:[\\/]")


@final
class UnpinnedWarning(UserWarning):
    """A reference was followed that may mean other bytes tomorrow; tells the pin."""


@final
@dataclass(frozen=True)
class Located:
    """A model's files on this machine. `pin` always means these bytes; None for a folder."""

    source: Source
    pin: str | None = None

    @property
    def files(self) -> Mapping[str, Path]:
        """Where each file is."""
        return {name: file.path for name, file in self.source.files.items()}

    def verify(self) -> None:
        """Hash every file of which the sha256 is known. Raises IntegrityError."""
        for name, file in self.source.files.items():
            if file.sha256 is not None and _sha256(file.path) != file.sha256:
                raise IntegrityError(
                    f"{name} of {self.source.origin} has the sha256 {file.sha256}",
                    received=f"other bytes in {file.path}",
                    remedy="Delete it and pull again.",
                )


def locate(ref: str | os.PathLike[str]) -> Located:
    """Find the files that a reference means. Raises OptionError for one that is none."""
    if isinstance(ref, os.PathLike):
        return _folder(Path(ref))
    if not isinstance(ref, str) or not ref or "\0" in ref:
        raise OptionError("A reference is text or a path", received=repr(ref)[:120])
    if ref.startswith(hub.PREFIX):
        return _on_hub(hub.HubReference.parse(ref))
    if ref.startswith("file://"):
        return _folder(_from_url(ref))
    if _PATH.match(ref):
        return _folder(Path(ref))
    return _registered(ref)


def _folder(path: Path) -> Located:
    from zoo_core.checkpoints.opening import folder_source

    return Located(folder_source(path.expanduser()))


def _from_url(ref: str) -> Path:
    parts = urlsplit(ref)
    if parts.netloc not in ("", "localhost"):
        raise OptionError("file:// names a folder of this machine", received=ref[:120])
    return Path(url2pathname(parts.path))


def _registered(name: str) -> Located:
    from zoo_core import registry

    try:
        model = registry.find(name)
    except UnknownNameError as error:
        if not Path(name).is_dir():
            raise
        raise UnknownNameError(
            error.rule,
            received=error.received,
            remedy=f"For the folder of this name, write ./{name}. {error.remedy or ''}".strip(),
        ) from None
    return _of_entry(model)


def _of_entry(model: RegisteredModel) -> Located:
    pinned = {name: file.sha256 for name, file in model.entry.files.items()}
    folder = model.bundled
    if folder is not None:
        files = {name: SourceFile(folder / name, sha256) for name, sha256 in pinned.items()}
        present = {name: file for name, file in files.items() if file.path.is_file()}
        return Located(Source(model.name, present), model.name)
    place = model.entry.sources.hub
    if place is None:
        raise FileNotOnHubError(
            f"{model.name} has its weights in the plugin's package or on the Hub",
            received="an entry with neither here",
            remedy="Install the plugin again.",
        )
    reference = hub.HubReference(place.repo, place.revision)
    pins = {name: hub.Pin(file.size, file.sha256) for name, file in model.entry.files.items()}
    fetched = hub.fetch_pinned(reference, pins)
    return Located(_source(model.name, fetched), str(fetched.pinned))


def _on_hub(reference: hub.HubReference) -> Located:
    fetched = hub.fetch(reference, lambda names: _choose(reference, names))
    if not reference.is_pinned:
        warnings.warn(
            f"{reference} may move; these very bytes are {fetched.pinned}.",
            UnpinnedWarning,
            stacklevel=4,
        )
    return Located(_source(str(reference), fetched), str(fetched.pinned))


def _choose(reference: hub.HubReference, names: Iterable[str]) -> list[str]:
    here = set(names)
    if "config.json" not in here:
        raise FileNotOnHubError(
            f"{reference} is a saved model of the zoo, with a config.json",
            received=f"{', '.join(sorted(here)[:5]) or 'an empty repository'}",
        )
    whole = {"model.safetensors"} & here
    weights = whole or {name for name in here if _WEIGHTS.fullmatch(name)}
    return sorted(weights | (here & set(_TEXTS)))


def _source(origin: str, fetched: hub.Fetched) -> Source:
    files = {
        name: SourceFile(file.path, file.sha256, mappable=True)
        for name, file in fetched.files.items()
    }
    return Source(origin, files)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
