"""`zoo registry add`: a model's entry, or a plugin's section, put into a registry file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, final

import pydantic

from zoo_core.errors import OptionError, RegistryError, RegistryFileError
from zoo_core.plugins.current import listing
from zoo_core.plugins.names import NAME, namespace_of
from zoo_core.publishing.description import Described, Statement
from zoo_core.publishing.registry_place import FileKind, RegistryPlace, index_file, nearest_file
from zoo_core.publishing.sections import section_of
from zoo_core.registry.editing import with_value
from zoo_core.registry.emission import emit
from zoo_core.registry.index_editing import namespace_in, with_section
from zoo_core.registry.rewriting import check_valid, rewrite
from zoo_core.registry.schema import ModelEntry

_PERSONS = ("aliases", "status")
"""Fields that nothing but a person decides: an entry that is there keeps its own."""


@final
class Outcome(StrEnum):
    """What became of a registry file."""

    ADDED = "added"
    REPLACED = "replaced"
    SAME = "there already"

    @property
    def changes(self) -> bool:
        """Whether the file is another than before."""
        return self is not Outcome.SAME


@final
@dataclass(frozen=True)
class Request:
    """What is asked for: the file (None: the nearest), the name, what the card doesn't say."""

    to: Path | None = None
    name: str | None = None
    statement: Statement = field(default_factory=Statement)
    replace: bool = False
    dry_run: bool = False


@final
@dataclass(frozen=True)
class Addition:
    """What was added: a model's entry or a plugin's section, as YAML, and the file it is in."""

    name: str
    path: Path
    entry: str
    outcome: Outcome
    notes: tuple[str, ...] = ()


def add_model(source: str, request: Request, folder: Path) -> Addition:
    """Add the entry of a saved model: `hf://owner/repo@revision`, `owner/repo`, or a path.

    `folder` is where the nearest registry file is looked for. A saved folder that isn't beside
    the registry file is copied to models/NAME there. Raises RegistryError where the file has
    another entry of this name, RegistryFileError where the result breaks the schema; then
    nothing has changed. Raises also what loading the model raises, for it is loaded.
    """
    place = _place(request.to or nearest_file(folder))
    described = Described.of(source, request.statement)
    name = _checked_name(request.name or _name(described, place), place)
    before = _entry(place, name)
    kept = {key: before[key] for key in _PERSONS if key in before}
    fields = {**described.fields(place.path.parent, name.partition("/")[2]), **kept}
    check_entry(name, fields)
    outcome = Outcome.SAME if before == fields else Outcome.REPLACED if before else Outcome.ADDED
    if outcome is Outcome.REPLACED and not request.replace:
        raise _taken(place.path, name)
    if outcome.changes:
        text = with_value(str(place.path), place.text, ("models", name), fields)
        check_valid(place.path, text)
        if not request.dry_run:
            described.copy(place.path.parent, fields["sources"], replacing=request.replace)
            rewrite(place.path, text)
    return Addition(name, place.path, emit({name: fields}), outcome, described.notes)


def add_plugin(source: str, request: Request, folder: Path) -> Addition:
    """Add the section of a plugin, installed or a wheel, to an index, or bring it up to date.

    Raises RegistryError where the namespace is another's, RegistryFileError where the result
    breaks the schema; then nothing has changed.
    """
    section = section_of(source)
    place = RegistryPlace.of(request.to or index_file(folder))
    text = with_section(str(place.path), place.text, section)
    namespace = section["plugin"]["namespace"]
    sections = place.data.get("plugins", ())
    known = any(namespace_in(item) == namespace for item in sections)
    same = section in sections
    outcome = Outcome.SAME if same else Outcome.REPLACED if known else Outcome.ADDED
    if outcome.changes:
        check_valid(place.path, text)
        if not request.dry_run:
            rewrite(place.path, text)
    return Addition(section["plugin"]["distribution"], place.path, emit(section), outcome)


def check_entry(name: str, fields: Mapping[str, Any]) -> None:
    """Validate an entry. Raises RegistryFileError that says what the card should."""
    try:
        ModelEntry.model_validate(fields)
    except pydantic.ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise RegistryFileError(
            f"The entry of {name} keeps to the registry's schema",
            received="; ".join(problems),
            remedy="Say it in the model's README.md, or by --license WHAT=SPDX and --summary.",
        ) from None


def _place(path: Path) -> RegistryPlace:
    """Read the file that a model goes into. Raises OptionError for an index."""
    place = RegistryPlace.of(path)
    if place.kind is FileKind.INDEX:
        raise OptionError(
            "An index takes plugins, whose files have the models",
            received=path,
            remedy="Add the model to your plugin's file; then: zoo registry add --plugin NAME",
        )
    return place


def _entry(place: RegistryPlace, name: str) -> Mapping[str, Any]:
    """Give the entry that a file has of this name; an empty one where it has none."""
    models = place.data.get("models")
    entry = models.get(name) if isinstance(models, Mapping) else None
    return entry if isinstance(entry, Mapping) else {}


def _taken(path: Path, name: str) -> RegistryError:
    return RegistryError(
        f"{path} keeps the entry {name} that it has",
        received="another one",
        remedy="Choose another --name, or put it in the place of that one: --replace.",
    )


def _name(described: Described, place: RegistryPlace) -> str:
    """Make a name of the repository's or the folder's own, in the namespace of the file."""
    namespace = place.namespace or described.owner
    if namespace is None:
        raise OptionError(
            "A model of this machine needs a name in a file of yours",
            received="none",
            remedy="Give one: --name mine/thing",
        )
    return f"{_word(namespace)}/{_word(described.title)}"


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _checked_name(name: str, place: RegistryPlace) -> str:
    """Refuse a name that can't stand in this file. Raises OptionError."""
    if not NAME.fullmatch(name):
        raise OptionError(
            "A name is `namespace/name`, of lower-case letters, digits and single dashes",
            received=repr(name),
        )
    namespace, current = namespace_of(name), listing()
    if place.kind is FileKind.PLUGIN and namespace != place.namespace:
        raise OptionError(f"The names of {place.path} begin with {place.namespace}/", received=name)
    taken = {*current.owners, *(plugin.namespace for plugin in current.plugins)}
    if place.kind is FileKind.USER and namespace in taken:
        raise OptionError(
            f"The names in a file of yours are in no plugin's namespace, as {namespace}/ is",
            received=name,
            remedy=f"Choose another: --name mine/{name.partition('/')[2]}",
        )
    return name
