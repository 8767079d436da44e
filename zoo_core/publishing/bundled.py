"""`zoo publish`: weights that a plugin bundles, uploaded to the Hub and pinned where they stand."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, final

from zoo_core.checkpoints.saving import is_generated
from zoo_core.checkpoints.texts import CARD, parse_manifest
from zoo_core.errors import HubError, IntegrityError, OptionError, RegistryFileError
from zoo_core.hub import upload as remote
from zoo_core.hub.listing import Listing, ask
from zoo_core.hub.reference import HubReference
from zoo_core.publishing.entry import hub_source
from zoo_core.publishing.pushing import remote_manifest
from zoo_core.publishing.registry_place import FileKind, RegistryPlace
from zoo_core.registry.bundled_files import difference
from zoo_core.registry.editing import with_value
from zoo_core.registry.rewriting import check_valid, rewrite


@final
class Step(StrEnum):
    """What became of a model."""

    UPLOADED = "uploaded"
    PINNED = "pinned"
    SAME = "there already"
    PLANNED = "to be uploaded"


@final
@dataclass(frozen=True)
class Published:
    """A model and its repository; `commit` is None where nothing was done yet."""

    name: str
    repo: str
    commit: str | None
    step: Step


@final
@dataclass(frozen=True)
class _Bundle:
    """A model's files in the package, as its entry promises them."""

    name: str
    repo: str
    entry: Mapping[str, Any]
    files: Mapping[str, Path]

    @property
    def pinned(self) -> HubReference | None:
        """Where the entry says that they are on the Hub."""
        place = self.entry["sources"].get("hub")
        return None if place is None else HubReference(place["repo"], place["revision"])


def publish(
    path: Path, owner: str, *, only: str = "*", dry_run: bool = False
) -> Iterator[Published]:
    """Upload a plugin's bundled models, each to `owner/name`, and pin the commits in its file.

    Every bundled file is compared with its entry before anything is sent. After each model the
    registry file is written, so that an interrupted run goes on where it stopped: what is on the
    Hub already, with these hashes, is pinned and not sent again. Raises IntegrityError where
    bytes differ, OptionError where nothing matches `only`, HubError's children.
    """
    bundles = _bundles(RegistryPlace.of(path), owner, only)
    for bundle in bundles:
        _compare(bundle)
    for bundle in bundles:
        if dry_run:
            step = Step.PLANNED if bundle.pinned is None else Step.SAME
            yield Published(bundle.name, bundle.repo, None, step)
        else:
            yield _published(path, bundle)


def _bundles(place: RegistryPlace, owner: str, only: str) -> list[_Bundle]:
    if place.kind is not FileKind.PLUGIN:
        raise RegistryFileError(
            "What is published is a plugin's",
            received=place.path,
            remedy="Give the folder of the plugin's source.",
        )
    check_valid(place.path, place.text)
    found = [
        _bundle(place.path.parent, name, entry, owner)
        for name, entry in place.data.get("models", {}).items()
        if "bundled" in entry["sources"] and _matches(name, only)
    ]
    if not found:
        raise OptionError(
            "A plugin's file has bundled models to publish",
            received=f"none that match {only!r} in {place.path}",
            remedy="`--only` takes names with wildcards.",
        )
    return found


def _matches(name: str, only: str) -> bool:
    return any(fnmatch.fnmatch(text, only) for text in (name, name.partition("/")[2]))


def _bundle(beside: Path, name: str, entry: Mapping[str, Any], owner: str) -> _Bundle:
    folder = beside / entry["sources"]["bundled"]
    repo = HubReference(f"{owner}/{name.partition('/')[2]}").repo
    return _Bundle(name, repo, entry, {file: folder / file for file in entry["files"]})


def _compare(bundle: _Bundle) -> None:
    """Refuse files that are not those of the entry. Raises IntegrityError."""
    for file, path in bundle.files.items():
        problem = difference(path, bundle.entry["files"][file])
        if problem is not None and not (bundle.pinned and not path.parent.is_dir()):
            raise IntegrityError(
                f"{bundle.name} is bundled with the files of its entry",
                received=f"{path}, which {problem}",
                remedy="Nothing was sent. Bundle it again, or add its entry again.",
            )


def _published(path: Path, bundle: _Bundle) -> Published:
    """Upload one model unless it is there, compare what the Hub has, and pin it."""
    if bundle.pinned is not None:
        _check_remote(bundle, ask(bundle.pinned))
        return Published(bundle.name, bundle.pinned.repo, bundle.pinned.revision, Step.SAME)
    head = remote.make_repository(bundle.repo, private=False)
    step = Step.PINNED
    if not all(remote.is_same(path, head.files.get(n)) for n, path in bundle.files.items()):
        step, head = Step.UPLOADED, _uploaded(bundle, head)
    _check_remote(bundle, head)
    _pin(path, bundle, HubReference(bundle.repo, head.commit))
    return Published(bundle.name, bundle.repo, head.commit, step)


def _uploaded(bundle: _Bundle, head: Listing) -> Listing:
    """Commit the files, and take out what an earlier upload had and this one has not."""
    before = remote_manifest(bundle.repo, head)
    _refuse_edited_card(bundle, head, before)
    listed = parse_manifest(before, bundle.repo).files if before is not None else {}
    removed = [name for name in listed if name not in bundle.files and name in head.files]
    upload = remote.Upload(bundle.files, removed, f"Publish {bundle.name}")
    commit = remote.commit(bundle.repo, upload, head.commit)
    return ask(HubReference(bundle.repo, commit))


def _refuse_edited_card(bundle: _Bundle, head: Listing, manifest: bytes | None) -> None:
    """Refuse to write over a card that a person has written on the Hub. Raises HubError."""
    if CARD not in head.files or CARD not in bundle.files:
        return
    card = remote.read_file(bundle.repo, head, CARD)
    if card == bundle.files[CARD].read_bytes() or is_generated(card, manifest):
        return
    raise HubError(
        f"The {CARD} of {bundle.repo} is one that was generated",
        received=f"one that a person has written, at {head.commit}",
        remedy=f"Take it over into {bundle.files[CARD].parent}, or choose another --owner.",
    )


def _check_remote(bundle: _Bundle, head: Listing) -> None:
    """Compare what the Hub has with the entry. Raises IntegrityError."""
    for file, path in bundle.files.items():
        there, promised = head.files.get(file), bundle.entry["files"][file]
        same = there is not None and there.size == promised["size"]
        if same and there is not None and there.sha256 is not None:
            same = there.sha256 == promised["sha256"]
        elif same and path.is_file():
            same = remote.is_same(path, there)
        if not same:
            raise IntegrityError(
                f"{bundle.repo} has the file {file} of {bundle.name} at {head.commit}",
                received="none" if there is None else f"{there.size} bytes, {there.etag}",
                remedy="Take `hub` out of the entry's sources to publish it anew.",
            )


def _pin(path: Path, bundle: _Bundle, pinned: HubReference) -> None:
    """Write the commit into the registry file as it is now: others may have changed it."""
    place = RegistryPlace.of(path)
    sources = {**bundle.entry["sources"], **hub_source(pinned)}
    keys = ("models", bundle.name, "sources")
    if place.data.get("models", {}).get(bundle.name) != bundle.entry:
        raise RegistryFileError(
            f"{path} stays as it is while {bundle.name} is published",
            received="another entry of it",
            remedy="Publish again.",
        )
    rewrite(path, with_value(str(path), place.text, keys, sources))
