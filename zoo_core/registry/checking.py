"""`zoo registry check`: files against the full schema, and what one part says of another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic

from zoo_core.errors import RegistryFileError
from zoo_core.hooks.names import HOOKS
from zoo_core.plugins.current import listing
from zoo_core.plugins.finding import Finding, Level
from zoo_core.plugins.names import namespace_of
from zoo_core.plugins.source import SourceKind
from zoo_core.plugins.structure import sections
from zoo_core.plugins.user_files import user_files
from zoo_core.plugins.yaml_file import LinedDict, LinedList, parse, read
from zoo_core.registry.bundled_files import check_bundled
from zoo_core.registry.index_editing import first_third_party_line
from zoo_core.registry.offers import Offers
from zoo_core.registry.ordering import check_models, check_sections
from zoo_core.registry.ownership import check_owner
from zoo_core.registry.requirements import check_requirements
from zoo_core.registry.schema import IndexFile, PluginFile
from zoo_core.registry.uniqueness import check_unique
from zoo_core.registry.validation import findings


def check(path: str | os.PathLike[str] | None = None, *, files: bool = False) -> list[Finding]:
    """Validate one registry file, or every file in use, strictly; an empty list means valid.

    `files` reads the bundled files too, and compares them with their sizes and hashes.
    """
    if path is not None:
        place = os.fspath(path)
        return list(_of_file(place, user=str(Path(place).absolute()) in user_files(), files=files))
    found: list[Finding] = []
    for source in listing().sources:
        found += _of_file(source.path, user=source.kind is SourceKind.USER, files=files)
    found += _of_plugins()
    return found + list(_outsiders())


def check_text(path: str, text: str) -> list[Finding]:
    """Validate what a registry file is about to hold; `path` is how findings call it."""
    try:
        data = parse(text.encode(), path)
    except RegistryFileError as error:
        return [_at(path, str(error))]
    user = "plugin" not in data and "plugins" not in data
    return list(_of_data(path, data, first_third_party_line(text), user=user))


def _of_plugins() -> Iterator[Finding]:
    """Report plugins whose trouble lies outside of their registry files' entries."""
    for plugin in listing().plugins:
        if plugin.cause is not None and plugin.state != "disabled" and plugin.section is None:
            message = f"{plugin.distribution} is {plugin.state}: {plugin.cause}"
            yield Finding(message, plugin.path, remedy=plugin.remedy)


def _of_file(path: str, *, user: bool, files: bool) -> Iterator[Finding]:
    try:
        data = read(path)
    except RegistryFileError as error:
        yield _at(path, str(error))
        return
    begin = first_third_party_line(Path(path).read_text(encoding="utf-8"))
    yield from _of_data(path, data, begin, user=user)
    if files and "plugins" not in data:  # an index lies apart from what plugins bundle
        yield from check_bundled(path, data)


def _of_data(path: str, data: LinedDict, begin: int, *, user: bool) -> Iterator[Finding]:
    try:
        structural = [s for s in sections(path, data, user=user) if s.problem or s.foreign]
    except RegistryFileError as error:
        yield _at(path, str(error))
        return
    found = [_at(path, section.problem or str(section.foreign)) for section in structural]
    yield from found
    told = {finding.line for finding in found}
    yield from (finding for finding in _schema(path, data) if finding.line not in told)
    items = data.get("plugins")
    if isinstance(items, LinedList):
        yield from (finding for finding in check_unique(path, items) if finding.line not in told)
        yield from check_sections(path, items, begin)
    for section in items or [data]:
        if isinstance(section, LinedDict):
            yield from _of_section(path, section)


def _of_section(path: str, section: LinedDict) -> Iterator[Finding]:
    plugin = section.get("plugin")
    if isinstance(plugin, LinedDict):
        yield from check_owner(path, plugin)
    yield from _references(path, section)
    yield from check_models(path, section)
    yield from check_requirements(path, section)


def _at(path: str, message: str) -> Finding:
    """Take a message apart that begins with file and line."""
    line, _, rest = message.removeprefix(f"{path}:").partition(": ")
    if message.startswith(f"{path}:") and line.isdecimal():
        return Finding(rest, path, int(line))
    return Finding(message.removeprefix(f"{path}: "), path)


def _schema(path: str, data: LinedDict) -> Iterator[Finding]:
    schema = IndexFile if "plugins" in data else PluginFile
    try:
        schema.model_validate(data)
    except pydantic.ValidationError as error:
        yield from findings(error, data, path)


def _references(path: str, section: LinedDict) -> Iterator[Finding]:
    """Check what one part of a section says of another: models' architectures, hooks' names."""
    plugin, models = section.get("plugin"), section.get("models")
    known = section.get("architectures") or {}
    for name, entry in models.items() if isinstance(models, LinedDict) else ():
        if isinstance(entry, LinedDict) and _dangles(entry.get("architecture"), known, plugin):
            message = f"{name}: this plugin has no architecture {entry['architecture']}."
            yield Finding(message, path, entry.line_of("architecture"))
    hooks = plugin.get("hooks") if isinstance(plugin, LinedDict) else None
    yield from _claims(path, section, hooks)
    if not isinstance(hooks, LinedDict):
        return
    for name in hooks.get("implements") or ():
        if name not in HOOKS:
            message = f"there is no hook {name}; known are {', '.join(HOOKS)}."
            yield Finding(message, path, hooks.line_of("implements"), Level.WARNING)


def _claims(path: str, section: LinedDict, hooks: object) -> Iterator[Finding]:
    """Check that formats and the hook that reads them go together."""
    claims = isinstance(hooks, LinedDict) and "zoo_claim" in (hooks.get("implements") or ())
    if section.get("formats") and not claims:
        message = "a plugin with `formats` implements the hook zoo_claim, which reads them."
        yield Finding(message, path, section.line_of("formats"))
    if claims and not section.get("formats"):
        message = "with zoo_claim go `formats`, or nobody learns which plugin to install."
        yield Finding(message, path, section.line_of("plugin"), Level.WARNING)


def _dangles(architecture: object, known: Any, plugin: Any) -> bool:
    if not isinstance(architecture, str):
        return False
    own = isinstance(plugin, LinedDict) and plugin.get("namespace") == namespace_of(architecture)
    return own and architecture not in known


def _outsiders() -> Iterator[Finding]:
    """Report a user's entries that stand in a plugin's namespace and so are not used."""
    for message, path, line in Offers().refused():
        yield Finding(message, path, line)
