"""A saved folder on its way to the Hub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import final

from zoo_core.checkpoints.card import Card
from zoo_core.checkpoints.folders import files_of
from zoo_core.checkpoints.sources import SourceFile
from zoo_core.checkpoints.texts import CARD, MANIFEST, Manifest, parse_manifest, read_text
from zoo_core.checkpoints.wrapping import is_generated
from zoo_core.errors import CheckpointError
from zoo_core.hub import upload as remote
from zoo_core.hub.listing import Listing
from zoo_core.hub.reference import HubReference
from zoo_core.hub.settings import endpoint
from zoo_core.interfaces.model import Model
from zoo_core.publishing.entry import registry_entry


@final
@dataclass(frozen=True)
class Pushed:
    """What a push did. `pin` loads exactly this; `entry` is the YAML to add to a registry."""

    repo: str
    commit: str
    tag: str | None
    entry: str

    @property
    def pin(self) -> str:
        """The reference that always means these bytes."""
        return str(HubReference(self.repo, self.commit))

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"{endpoint()}/{self.repo}"


def upload(
    model: Model,
    folder: Path,
    reference: HubReference,
    *,
    private: bool,
    tag: str | None,
    card: Card,
) -> Pushed:
    """Upload a saved folder in one commit; a card edited on the Hub is left alone."""
    repo = reference.repo
    head = remote.make_repository(repo, private=private)
    if tag is not None:
        remote.check_tag_is_free(repo, tag, head.commit)
    before = remote_manifest(repo, head)
    files = files_of(folder)
    _keep_edited_card(repo, head, before, files)
    listed = parse_manifest(before, repo).files if before is not None else {}
    removed = [n for n in listed if n not in files and n in head.files and n != CARD]
    commit = remote.commit(
        repo, remote.Upload(files, removed, f"Upload {folder.name}"), head.commit
    )
    if tag is not None:
        remote.tag(repo, tag, commit)
    entry = registry_entry(model, folder, HubReference(repo, commit), card)
    return Pushed(repo, commit, tag, entry)


def remote_manifest(repo: str, head: Listing) -> bytes | None:
    """Give the manifest that a repository has; None where there is none that can be read."""
    if MANIFEST not in head.files:
        return None
    text = remote.read_file(repo, head, MANIFEST)
    try:
        parse_manifest(text, repo)
    except CheckpointError:
        return None
    return text


def _keep_edited_card(
    repo: str, head: Listing, manifest: bytes | None, files: dict[str, Path]
) -> None:
    """Leave a person's card out of the upload, and let the manifest say what stands there."""
    if CARD not in head.files:
        return
    kept = remote.read_file(repo, head, CARD)
    if is_generated(kept, manifest):
        return
    files.pop(CARD).write_bytes(kept)
    place = files[MANIFEST]
    ours = parse_manifest(read_text(SourceFile(place)), repo)
    hashes = {**ours.files, CARD: hashlib.sha256(kept).hexdigest()}
    place.write_bytes(Manifest(hashes, ours.card).to_bytes())
