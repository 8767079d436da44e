"""From a reference to files on this machine, downloaded where they must be."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from zoo_core import hub
from zoo_core.checkpoints.saved_folder import folder_source
from zoo_core.checkpoints.sources import Source, SourceFile
from zoo_core.checkpoints.texts import CONFIG
from zoo_core.errors import FileNotOnHubError, OptionError, UnknownNameError
from zoo_core.hooks.repository import Claim
from zoo_core.loading.claiming import claim_of, is_ours, wanted
from zoo_core.loading.foreign import ForeignRepository, tree_source
from zoo_core.loading.located import Located
from zoo_core.loading.on_hub import hub_source, on_hub
from zoo_core.plugins import facade
from zoo_core.plugins.names import hub_reference

if TYPE_CHECKING:
    from zoo_core.hooks import Opening
    from zoo_core.interfaces.model import Model
    from zoo_core.registry.registered import RegisteredModel

_PATH = re.compile(r"[./\\~]|[A-Za-z]:[\\/]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@final
class UnpinnedWarning(UserWarning):
    """A reference was followed that may mean other bytes tomorrow; tells the pin."""


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
    if _SCHEME.match(ref):
        return _elsewhere(ref)
    return _registered(ref)


def _elsewhere(ref: str) -> Located:
    """Ask plugins for a reference of another scheme: a folder, or the model itself."""
    found = facade.resolve_reference(ref)
    if found is None:
        meant = hub_reference(ref)
        raise UnknownNameError(
            f"A plugin knows references that begin with {ref.partition('://')[0]}://",
            received=f"{ref[:120]}, which none that is installed knows",
            remedy="A repository of the Hub is hf://owner/repo, a folder ./folder."
            if meant is None
            else f"Write {meant}.",
        )
    if isinstance(found, Path):
        return _folder(found)
    model = found
    return Located(Source(ref, {}), claim=Claim((), lambda opening: _moved(model, opening)))


def _moved(model: Model, opening: Opening) -> Model:
    if opening.device is None and opening.dtype is None:
        return model
    return model.to(device=opening.device, dtype=opening.dtype)


def _folder(path: Path) -> Located:
    place = path.expanduser()
    if not place.is_dir() or _is_saved(place):
        return Located(folder_source(place))
    return _chosen(tree_source(place))


def _is_saved(folder: Path) -> bool:
    """Whether a folder is a saved model of the zoo's: nothing else in it need be looked at."""
    if not (folder / CONFIG).is_file():
        return False
    return is_ours(ForeignRepository.of(Source(str(folder), {CONFIG: SourceFile(folder / CONFIG)})))


def _chosen(source: Source, pin: str | None = None) -> Located:
    """Keep those of the files here that are claimed; all of them where the model is ours."""
    claim = claim_of(ForeignRepository.of(source))
    if claim is None:
        return Located(source, pin)
    files = {name: source.files[name] for name in wanted(claim, source.files)}
    return Located(Source(source.origin, files), pin, claim)


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
        return _chosen(Source(model.name, present), model.name)
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
    return _chosen(hub_source(model.name, fetched), str(fetched.pinned))


def _on_hub(reference: hub.HubReference) -> Located:
    located = on_hub(reference)
    if not reference.is_pinned:
        warnings.warn(
            f"{reference} may move; these very bytes are {located.pin}.",
            UnpinnedWarning,
            stacklevel=4,
        )
    return located
