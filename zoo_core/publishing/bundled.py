"""`zoo publish`: weights that a plugin bundles, uploaded to the Hub and pinned where they stand."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import final

from zoo_core.checkpoints.texts import CARD, parse_manifest
from zoo_core.checkpoints.wrapping import is_generated
from zoo_core.errors import HubError, OptionError, RegistryFileError
from zoo_core.hub import upload as remote
from zoo_core.hub.listing import Listing, ask
from zoo_core.hub.reference import HubReference
from zoo_core.publishing.bundle import Bundle
from zoo_core.publishing.entry import hub_source
from zoo_core.publishing.pushing import remote_manifest
from zoo_core.publishing.registry_place import FileKind, RegistryPlace
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
        bundle.compare()
    for bundle in bundles:
        if bundle.pinned is None and dry_run:
            yield Published(bundle.name, bundle.repo, None, Step.PLANNED)
        elif bundle.pinned is None:
            yield _published(path, bundle)
        else:
            if not dry_run:
                bundle.compare_remote(ask(bundle.pinned))
            where = bundle.pinned
            yield Published(bundle.name, where.repo, where.revision, Step.SAME)


def _bundles(place: RegistryPlace, owner: str, only: str) -> list[Bundle]:
    if place.kind is not FileKind.PLUGIN:
        raise RegistryFileError(
            "What is published is a plugin's",
            received=place.path,
            remedy="Give the folder of the plugin's source.",
        )
    check_valid(place.path, place.text)
    found = [
        Bundle.of(place.path.parent, name, entry, owner)
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


def _published(path: Path, bundle: Bundle) -> Published:
    """Upload one model unless it is there, compare what the Hub has, and pin it."""
    head = remote.make_repository(bundle.repo, private=False)
    step = Step.PINNED
    if not bundle.is_at(head):
        step, head = Step.UPLOADED, _uploaded(bundle, head)
    bundle.compare_remote(head)
    _pin(path, bundle, HubReference(bundle.repo, head.commit))
    return Published(bundle.name, bundle.repo, head.commit, step)


def _uploaded(bundle: Bundle, head: Listing) -> Listing:
    """Commit the files, and take out what an earlier upload had and this one has not."""
    before = remote_manifest(bundle.repo, head)
    _refuse_foreign(bundle, head, before)
    _refuse_edited_card(bundle, head, before)
    listed = parse_manifest(before, bundle.repo).files if before is not None else {}
    removed = [name for name in listed if name not in bundle.files and name in head.files]
    upload = remote.Upload(bundle.files, removed, f"Publish {bundle.name}")
    commit = remote.commit(bundle.repo, upload, head.commit)
    return ask(HubReference(bundle.repo, commit))


def _refuse_foreign(bundle: Bundle, head: Listing, manifest: bytes | None) -> None:
    """Refuse a repository that holds what no save of the zoo's has written. Raises HubError."""
    others = sorted(head.files.keys() - {".gitattributes", CARD})
    if others and manifest is None:
        raise HubError(
            f"The repository {bundle.repo} is new, or holds a model of the zoo",
            received=f"one with {', '.join(others[:5])}",
            remedy="Choose another --owner, or another name for the model.",
        )


def _refuse_edited_card(bundle: Bundle, head: Listing, manifest: bytes | None) -> None:
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


def _pin(path: Path, bundle: Bundle, pinned: HubReference) -> None:
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
