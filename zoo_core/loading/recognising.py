"""What a repository is that no plugin claims: known by its marks, of a plugin that isn't here."""

from __future__ import annotations

from collections.abc import Iterator

from zoo_core import registry
from zoo_core.checkpoints.texts import CONFIG, MAX_TEXT
from zoo_core.errors import (
    FileNotOnHubError,
    FormatError,
    PluginError,
    PluginMissingError,
    ZooError,
)
from zoo_core.hooks.repository import Repository
from zoo_core.hub.reference import PREFIX
from zoo_core.plugins import installed
from zoo_core.registry import FormatInfo, Mark

_FIRST = ("model_index.json", CONFIG)
"""A pipeline of several models is told from one model by the file that lists them."""


def recognised(repository: Repository) -> FormatInfo | None:
    """Give the format whose mark is found first: by file, then in the order of the file's keys."""
    by_mark: dict[Mark, FormatInfo] = {}
    for known in registry.list_formats():
        for mark in known.marks:
            by_mark.setdefault(mark, known)
    return next((by_mark[m] for m in _marks(repository, by_mark) if m in by_mark), None)


def _marks(repository: Repository, known: dict[Mark, FormatInfo]) -> Iterator[Mark]:
    others = sorted({mark.file for mark in known} - set(_FIRST))
    for name in (*_FIRST, *others):
        if repository.sizes.get(name, MAX_TEXT + 1) > MAX_TEXT:
            continue
        try:
            fields = repository.read_json(name)
        except FormatError:
            continue
        yield from (Mark(name, key) for key in fields)


def unclaimed(repository: Repository) -> ZooError:
    """Make the error for a repository that no installed plugin claims."""
    found = recognised(repository)
    if found is None:
        return _unknown(repository)
    subject = f"{repository.origin} is a {found.name} model"
    if found.installed:
        return FormatError(
            f"{subject} that {found.distribution} reads",
            received="one of a kind that it doesn't claim",
            remedy=f"Its page says which it reads; a later version may: pip install -U "
            f"{found.distribution}.",
        )
    unusable = [plugin for plugin in installed() if plugin.namespace == found.namespace]
    if unusable:
        plugin = unusable[0]
        return PluginError(
            f"{subject}, which needs {plugin.distribution}, and that is {plugin.state}",
            received=(plugin.cause or plugin.state).rstrip("."),
            remedy=plugin.remedy or "Take it out of ZOO_DISABLE, or put it in ZOO_PLUGINS.",
        )
    return PluginMissingError(
        f"{subject}, which an installed plugin must read", remedy=f"Run: {found.install}"
    )


def _unknown(repository: Repository) -> ZooError:
    on_hub = repository.origin.startswith(PREFIX)
    kind = FileNotOnHubError if on_hub and CONFIG not in repository.sizes else FormatError
    formats = ", ".join(dict.fromkeys(known.name for known in registry.list_formats()))
    names = sorted(repository.sizes)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    received = f"{', '.join(names[:5])}{more}" if names else "no files"
    return kind(
        f"{repository.origin} is a saved model of the zoo, with a {CONFIG} that has `format` and "
        f"`architecture`, or one in a format that a plugin reads ({formats})",
        received=f"{received}{_unmarked(repository)}",
        remedy="Give the folder that zoo.save wrote, or a repository that zoo.push made.",
    )


def _unmarked(repository: Repository) -> str:
    """Say which fields of a file that is there would tell the format, and are missing."""
    by_file: dict[str, list[str]] = {}
    for known in registry.list_formats():
        for mark in known.marks:
            if mark.file in repository.sizes:
                by_file.setdefault(mark.file, []).append(f"{mark.key} ({known.name})")
    return "".join(
        f"; the {file} has no {' or '.join(keys)}" for file, keys in sorted(by_file.items())
    )
