"""A repository on the Hub: which of its files make the model, brought and verified."""

from __future__ import annotations

import re
from collections.abc import Iterable

from zoo_core import hub
from zoo_core.checkpoints.sources import Source, SourceFile
from zoo_core.checkpoints.texts import CARD, CONFIG, MANIFEST, RECIPE
from zoo_core.loading.claiming import claim_of, is_loadable, wanted
from zoo_core.loading.foreign import ForeignRepository
from zoo_core.loading.located import Located

_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")
_TEXTS = {CONFIG, MANIFEST, CARD, RECIPE}


def on_hub(reference: hub.HubReference) -> Located:
    """Bring the files that make a model: the zoo's own, or those that a plugin claims."""
    resolved = hub.resolve(reference)
    claim = claim_of(_repository(resolved))
    listed = resolved.listed.files
    fetched = resolved.bring(_ours(listed) if claim is None else wanted(claim, listed))
    resolved.keep()
    return Located(hub_source(str(reference), fetched), str(fetched.pinned), claim)


def _repository(resolved: hub.Resolved) -> ForeignRepository:
    origin, listed = str(resolved.reference), resolved.listed.files

    def bring(name: str) -> SourceFile:
        if resolved.missing([name]):  # without it nobody can say which others are needed
            resolved.refuse_offline(name for name in listed if is_loadable(name))
        return hub_source(origin, resolved.bring([name])).files[name]

    return ForeignRepository(origin, {name: file.size for name, file in listed.items()}, bring)


def _ours(names: Iterable[str]) -> list[str]:
    here = set(names)
    whole = {"model.safetensors"} & here
    weights = whole or {name for name in here if _WEIGHTS.fullmatch(name)}
    return sorted(weights | (here & _TEXTS))


def hub_source(origin: str, fetched: hub.Fetched) -> Source:
    """See files in the Hub's cache as a checkpoint's: they never change in place."""
    files = {
        name: SourceFile(file.path, file.sha256, mappable=True)
        for name, file in fetched.files.items()
    }
    return Source(origin, files)
