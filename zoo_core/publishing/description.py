"""A saved model described for a registry: loaded, its card read, its files hashed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, final

from zoo_core.checkpoints.card import Card
from zoo_core.checkpoints.folders import replace_folder
from zoo_core.checkpoints.saving import file_hash
from zoo_core.checkpoints.texts import CARD, MANIFEST, RECIPE, parse_manifest
from zoo_core.errors import CheckpointError, OptionError
from zoo_core.hub import resolve
from zoo_core.hub.listing import ask
from zoo_core.hub.reference import PREFIX, HubReference
from zoo_core.interfaces.model import Model
from zoo_core.loading import Located, locate
from zoo_core.plugins.names import namespace_of
from zoo_core.publishing.card_reading import CardText
from zoo_core.publishing.entry import entry_fields, hub_source


@final
@dataclass(frozen=True)
class Statement:
    """What a person says beside the card, and before it."""

    summary: str | None = None
    licenses: Mapping[str, str] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class Described:
    """A model that loads, with its files, its card, and its commit where it is on the Hub."""

    model: Model
    files: Mapping[str, Path]
    card: Card
    folder: Path
    pinned: HubReference | None
    title: str
    notes: tuple[str, ...]

    @classmethod
    def of(cls, source: str, statement: Statement) -> Described:
        """Fetch, verify and load a model. Raises what `zoo.load` raises."""
        pinned = _pinned(source)
        located = locate(_path(source) if pinned is None else str(pinned))
        located.verify()
        model, files = located.open(), _files(located)
        readme = files.get(CARD) or _unclaimed_card(located, pinned)
        text = CardText(readme.read_text("utf-8") if readme else "", source)
        card = text.card(namespace_of(model.architecture))
        summary = statement.summary or card.summary
        licenses = {**card.licenses, **statement.licenses}
        card = replace(card, summary=summary, licenses=licenses)
        title = pinned.repo.partition("/")[2] if pinned else _path(source).absolute().name
        notes = tuple(f"left out {what}." for what in text.left_out)
        return cls(model, files, card, located.folder, pinned, title, notes)

    @property
    def owner(self) -> str | None:
        """The owner of the repository; None for a folder."""
        return None if self.pinned is None else self.pinned.repo.partition("/")[0]

    def fields(self, folder: Path, title: str) -> dict[str, Any]:
        """Give the entry of a registry file that lies in `folder`."""
        if self.pinned is not None:
            sources = hub_source(self.pinned)
        else:
            sources = {"bundled": self._bundled(folder, title)}
        return entry_fields(self.model, self.files, sources, self.card)

    def copy(self, folder: Path, sources: Mapping[str, Any], *, replacing: bool) -> None:
        """Copy the files beside the registry file, whole or not at all, unless they are there.

        Raises CheckpointError where other files are there, unless it is a saved model that is to
        be replaced.
        """
        if self.pinned is not None:
            return
        target = folder.joinpath(*PurePosixPath(sources["bundled"]).parts)
        if _holds(target, self.files):
            return
        if target.exists() and not replacing:
            raise CheckpointError(
                "A model is copied to a folder that isn't there yet",
                received=f"{target}, with other files",
                remedy="Choose another --name, or put it in the place of that one: --replace.",
            )
        replace_folder(target, self._write)

    def _write(self, folder: Path) -> None:
        for name, path in self.files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)

    def _bundled(self, folder: Path, title: str) -> str:
        """Give where the files lie from the registry file, or will, once they are copied."""
        here, beside = self.folder.resolve(), folder.resolve()
        if here.is_relative_to(beside) and here != beside:
            return here.relative_to(beside).as_posix()
        return f"models/{title}"


def _pinned(source: str) -> HubReference | None:
    """Give the commit that is meant; None for a path, which has a slash or a dot in front."""
    if source.startswith((".", "/", "~", "\\", "file://")) or Path(source).is_absolute():
        return None
    try:
        reference = HubReference.parse(source if source.startswith(PREFIX) else PREFIX + source)
    except OptionError as error:
        remedy = f"For the folder, write ./{source}." if Path(source).exists() else error.remedy
        raise OptionError(error.rule, received=error.received, remedy=remedy) from None
    return reference.at(ask(reference).commit)


def _path(source: str) -> Path:
    return Path(source.removeprefix("file://")).expanduser()


def _unclaimed_card(located: Located, pinned: HubReference | None) -> Path | None:
    """Find the card of a model that another library has saved, which is no file of the model's."""
    if located.claim is None:
        return None
    if pinned is None:
        card = located.folder / CARD
        return card if card.is_file() else None
    resolved = resolve(pinned)
    listed = CARD in resolved.listed.files
    return resolved.bring([CARD]).files[CARD].path if listed else None


def _files(located: Located) -> dict[str, Path]:
    """Give a model's own files: a folder may hold others, which its manifest doesn't list."""
    files = dict(located.files)
    if MANIFEST not in files:
        return files
    listed = parse_manifest(files[MANIFEST].read_bytes(), located.source.origin).files
    own = {*listed, MANIFEST, CARD, RECIPE}
    return {name: path for name, path in files.items() if name in own}


def _holds(folder: Path, files: Mapping[str, Path]) -> bool:
    return all(
        (folder / name).is_file() and file_hash(folder / name) == file_hash(path)
        for name, path in files.items()
    )
