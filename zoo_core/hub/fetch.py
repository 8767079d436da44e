"""A reference's files in the cache: at once where they are there, else downloaded and verified."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from zoo_core.errors import HubError, IntegrityError, OfflineError, TransportError, UnsafeFileError
from zoo_core.hub import listing
from zoo_core.hub.download import download
from zoo_core.hub.listing import HubFile, Listing
from zoo_core.hub.reference import HubReference
from zoo_core.hub.settings import endpoint, offline
from zoo_core.hub.snapshots import Snapshot, git_oid, read_ref, write_ref
from zoo_core.plugins.file_names import is_inside

_LOG = logging.getLogger(__name__)


@final
@dataclass(frozen=True)
class Pin:
    """What a registry promises of a file."""

    size: int
    sha256: str


@final
@dataclass(frozen=True)
class FetchedFile:
    """A file in the cache, with the sha256 that it must have where one is known."""

    path: Path
    sha256: str | None


@final
@dataclass(frozen=True)
class Fetched:
    """The files of a reference, and the commit that they are of."""

    pinned: HubReference
    files: Mapping[str, FetchedFile]


def fetch_pinned(reference: HubReference, pins: Mapping[str, Pin]) -> Fetched:
    """Bring the files that a registry pins into the cache; no request where all are there.

    Raises OfflineError naming every file that is missing, IntegrityError where the Hub offers
    other bytes than the pinned ones.
    """
    outside = [name for name in pins if not is_inside(name)]
    if outside or not reference.is_pinned:
        raise UnsafeFileError(
            "A registry pins a commit and files inside the repository",
            received=f"{reference} with {', '.join(outside) or 'a revision that may move'}",
        )
    snapshot = Snapshot(reference.repo, reference.revision)
    missing = [name for name, pin in pins.items() if not snapshot.has(name, pin.size)]
    if missing:
        _refuse_offline(reference, missing)
        listed = listing.recall(reference.repo, reference.revision) or listing.ask(reference)
        _compare(reference, pins, listed)
        for name in missing:
            download(reference, name, listed.files[name])
    files = {name: FetchedFile(snapshot.path(name), pin.sha256) for name, pin in pins.items()}
    return Fetched(reference, files)


@final
@dataclass(frozen=True)
class Resolved:
    """A reference at the commit that it means now, and what that commit holds."""

    reference: HubReference
    listed: Listing

    @property
    def pinned(self) -> HubReference:
        """The reference that always means this commit."""
        return self.reference.at(self.listed.commit)

    def bring(self, names: Iterable[str]) -> Fetched:
        """Bring files that are listed into the cache; no request where all are there.

        Raises OfflineError naming every file that is missing, HubError's children, IntegrityError.
        """
        pinned, files, chosen = self.pinned, self.listed.files, list(names)
        self.refuse_offline(chosen)
        for name in self.missing(chosen):
            download(pinned, name, files[name])
        place = Snapshot(pinned.repo, pinned.revision).path
        return Fetched(pinned, {name: _checked(place(name), files[name]) for name in chosen})

    def missing(self, names: Iterable[str]) -> list[str]:
        """List those of the files that aren't in the cache."""
        snapshot = Snapshot(self.reference.repo, self.listed.commit)
        return [name for name in names if not snapshot.has(name, self.listed.files[name].size)]

    def refuse_offline(self, names: Iterable[str]) -> None:
        """Raise OfflineError where files are missing and the network may not be used."""
        missing = self.missing(names)
        if missing:
            _refuse_offline(self.reference, missing)

    def keep(self) -> None:
        """Remember which commit was meant, for when the Hub can't be asked."""
        write_ref(self.reference, self.listed.commit)


def resolve(reference: HubReference) -> Resolved:
    """Ask what a reference means; a commit that was seen before costs no request.

    A branch or a tag costs one, and where the Hub can't be reached, what it last meant is used.
    Raises HubError's children.
    """
    return Resolved(reference, _listing(reference))


def _listing(reference: HubReference) -> Listing:
    commit = read_ref(reference)
    known = None if commit is None else listing.recall(reference.repo, commit)
    if known is not None and (reference.is_pinned or offline()):
        return known
    if offline():
        _refuse_offline(reference, ["all files"])
    # With something to fall back to, a dead network isn't waited for.
    try:
        return listing.ask(reference, attempts=None if known is None else 1)
    except TransportError as error:
        if known is None:
            raise
        _LOG.warning("%s Using %s, as %s was when last seen.", error, known.commit, reference)
        return known


def _refuse_offline(reference: HubReference, missing: list[str]) -> None:
    if offline():
        raise OfflineError(
            f"{reference} is not complete in the cache, and the network may not be used",
            received=f"HF_HUB_OFFLINE=1; missing: {', '.join(missing)}",
            remedy=f"Unset it and pull once: zoo pull {reference}.",
        )


def _compare(reference: HubReference, pins: Mapping[str, Pin], listed: Listing) -> None:
    for name, pin in pins.items():
        offered = listed.files.get(name)
        if offered is None:
            raise HubError(
                f"{reference} has every file that the registry lists",
                received=f"none named {name} at {endpoint()}",
            )
        if offered.size != pin.size or offered.sha256 not in (None, pin.sha256):
            raise IntegrityError(
                f"{name} of {reference} has {pin.size} bytes and the sha256 {pin.sha256}",
                received=f"{offered.size} bytes, {offered.etag}, offered by {endpoint()}",
                remedy="The registry and the Hub disagree; nothing was downloaded.",
            )


def _checked(path: Path, file: HubFile) -> FetchedFile:
    if file.sha256 is None and git_oid(path) != file.etag:
        raise IntegrityError(
            f"{path.name} has git's id {file.etag}",
            received=f"other bytes in {path}",
            remedy="They were changed or damaged. Delete it and load again.",
        )
    return FetchedFile(path, file.sha256)
