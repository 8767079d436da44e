"""The client's cache on disk: blobs named by their hashes, commits as folders of links to them."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import final
from uuid import uuid4

from zoo_core.hub.listing import HubFile
from zoo_core.hub.reference import HubReference, is_commit
from zoo_core.hub.settings import cache

_PIECE = 2**20


@final
class Snapshot:
    """A repository's folder in the cache, at a commit. Names were checked when they were listed."""

    def __init__(self, repo: str, commit: str) -> None:
        self.root = cache() / ("models--" + repo.replace("/", "--"))
        self.folder = self.root / "snapshots" / commit

    def path(self, name: str) -> Path:
        """Where a file of the commit is seen."""
        return self.folder.joinpath(*name.split("/"))

    def blob(self, file: HubFile) -> Path:
        """Where a file's bytes are."""
        return self.root / "blobs" / file.etag

    def lock(self, file: HubFile) -> Path:
        """The lock that the client, too, takes to write these bytes."""
        return self.root.parent / ".locks" / self.root.name / f"{file.etag}.lock"

    def has(self, name: str, size: int) -> bool:
        """Whether a file is here and as long as it must be."""
        with suppress(OSError):
            return self.path(name).stat().st_size == size
        return False

    def link(self, name: str, file: HubFile) -> None:
        """Let the commit see a blob: by a relative link, or a copy where there are no links."""
        path, blob = self.path(name), self.blob(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{uuid4().hex}.tmp")
        try:
            try:
                os.symlink(os.path.relpath(blob, path.parent), beside)
            except OSError:
                shutil.copyfile(blob, beside)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def read_ref(reference: HubReference) -> str | None:
    """Give the commit that a branch or tag meant when it was last asked for."""
    if reference.is_pinned:
        return reference.revision
    with suppress(OSError):
        text = _ref(reference).read_text().strip()
        return text if is_commit(text) else None
    return None


def write_ref(reference: HubReference, commit: str) -> None:
    """Keep which commit a branch or tag means now, where the client keeps it."""
    if reference.is_pinned or read_ref(reference) == commit:
        return
    place = _ref(reference)
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(commit)


def _ref(reference: HubReference) -> Path:
    root = Snapshot(reference.repo, "").root
    return root.joinpath("refs", *reference.revision.split("/"))


def git_oid(path: Path) -> str:
    """Give git's id of a file's bytes: sha1 of `blob <size>`, NUL and the bytes."""
    size = path.stat().st_size
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
