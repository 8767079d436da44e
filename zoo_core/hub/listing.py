"""What a repository holds at a commit: names, sizes, hashes. Checked before anything is written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final
from uuid import uuid4

from zoo_core.errors import HubError, UnsafeFileError
from zoo_core.hub import client, failures
from zoo_core.hub.reference import HubReference, is_commit
from zoo_core.hub.retrying import retried
from zoo_core.hub.settings import endpoint
from zoo_core.plugins.file_names import is_inside
from zoo_core.plugins.folders import cache_folder

_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@final
@dataclass(frozen=True)
class HubFile:
    """A file: its size and its ETag, sha256 of a large file and git's id of a small one."""

    size: int
    etag: str

    @property
    def sha256(self) -> str | None:
        """The sha256, where the Hub has one."""
        return self.etag if len(self.etag) == 64 else None


@final
@dataclass(frozen=True)
class Listing:
    """A commit and its files."""

    commit: str
    files: Mapping[str, HubFile]


def ask(reference: HubReference, *, attempts: int | None = None) -> Listing:
    """Ask the Hub which commit a reference means and what is in it: one request.

    Raises HubError's children, and UnsafeFileError for an answer that names a path outside the
    repository or an ETag that is no hash.
    """
    with failures.translated(str(reference)):
        info = retried(
            lambda: client.api().model_info(
                reference.repo,
                revision=reference.revision,
                files_metadata=True,
                timeout=client.TIMEOUT,
            ),
            attempts=attempts,
        )
    commit = str(info.sha)
    if not is_commit(commit) or (reference.is_pinned and commit != reference.revision):
        raise HubError(
            f"{reference} is at a commit", received=f"{commit[:80]!r} from {failures.said()}"
        )
    files = {}
    for sibling in info.siblings or []:
        etag = sibling.lfs.sha256 if sibling.lfs is not None else sibling.blob_id
        files[sibling.rfilename] = checked(reference, sibling.rfilename, sibling.size, etag)
    listing = Listing(commit, files)
    _remember(reference.repo, listing)
    return listing


def checked(reference: HubReference, name: str, size: object, etag: object) -> HubFile:
    """Refuse a name that leads out of the folder, and an ETag that would as a file's name."""
    if not is_inside(name) or not isinstance(etag, str) or not _ETAG.fullmatch(etag):
        raise UnsafeFileError(
            "The Hub lists files by names inside the repository, each with a hash of 40 or 64 hex",
            received=f"{name[:120]!r} with {str(etag)[:120]!r} in {reference}",
            remedy=f"Nothing was written. Don't trust {endpoint()}.",
        )
    if type(size) is not int or size < 0:
        raise UnsafeFileError(
            "The Hub says each file's size", received=f"{size!r} for {name[:120]!r}"
        )
    return HubFile(size, etag)


def recall(repo: str, commit: str) -> Listing | None:
    """Give what an earlier answer said of a commit, which never changes; None if there was none."""
    try:
        saved = json.loads(_place(repo, commit).read_bytes())
        reference = HubReference(repo, commit)
        files = {
            name: checked(reference, name, entry["size"], entry["etag"])
            for name, entry in saved.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UnsafeFileError):
        return None
    return Listing(commit, files)


def _remember(repo: str, listing: Listing) -> None:
    place = _place(repo, listing.commit)
    beside = place.with_name(f"{uuid4().hex}.tmp")
    files = {name: asdict(file) for name, file in listing.files.items()}
    with suppress(OSError):  # a read-only home only costs a request the next time
        place.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(files))
        os.replace(beside, place)
    with suppress(OSError):
        beside.unlink(missing_ok=True)


def _place(repo: str, commit: str) -> Path:
    return Path(cache_folder()) / "listings" / repo.replace("/", "--") / f"{commit}.json"
