"""`zoo registry check`: every entry of a file, or of every file in use, against the full schema."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
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
from zoo_core.plugins.yaml_file import LinedDict, read
from zoo_core.registry.offers import Offers
from zoo_core.registry.schema import IndexFile, PluginFile
from zoo_core.registry.validation import findings


def check(path: str | Path | None = None) -> list[Finding]:
    """Validate one registry file, or every file in use, strictly; an empty list means valid."""
    if path is not None:
        return list(_of_file(os.fspath(path), user=False))
    found: list[Finding] = []
    for source in listing().sources:
        found += _of_file(source.path, user=source.kind is SourceKind.USER)
    found += _of_plugins()
    return found + list(_outsiders())


def _of_plugins() -> Iterator[Finding]:
    """Report plugins whose trouble lies outside of their registry files' entries."""
    for plugin in listing().plugins:
        if plugin.cause is not None and plugin.state != "disabled" and plugin.section is None:
            message = f"{plugin.distribution} is {plugin.state}: {plugin.cause}"
            yield Finding(message, plugin.path, remedy=plugin.remedy)


def _of_file(path: str, *, user: bool) -> Iterator[Finding]:
    try:
        data = read(path)
        structural = [s for s in sections(path, data, user=user) if s.problem or s.foreign]
    except RegistryFileError as error:
        yield _at(path, str(error))
        return
    found = [_at(path, section.problem or str(section.foreign)) for section in structural]
    yield from found
    told = {finding.line for finding in found}
    yield from (finding for finding in _schema(path, data) if finding.line not in told)
    yield from _twice(path, data.get("plugins") or ())
    for section in data.get("plugins") or [data]:
        if isinstance(section, LinedDict):
            yield from _references(path, section)


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
    if not isinstance(hooks, LinedDict):
        return
    for name in hooks.get("implements") or ():
        if name not in HOOKS:
            message = f"there is no hook {name}; known are {', '.join(HOOKS)}."
            yield Finding(message, path, hooks.line_of("implements"), Level.WARNING)


def _twice(path: str, entries: Iterable[Any]) -> Iterator[Finding]:
    """Report a namespace that two plugins of one index claim."""
    seen: dict[str, int] = {}
    for section in entries:
        plugin = section.get("plugin") if isinstance(section, LinedDict) else None
        if isinstance(plugin, LinedDict) and isinstance(plugin.get("namespace"), str):
            namespace, line = plugin["namespace"], plugin.line_of("namespace")
            if seen.setdefault(namespace, line) != line:
                message = f"the namespace {namespace}/ is taken on line {seen[namespace]}."
                yield Finding(message, path, line)


def _dangles(architecture: object, known: Any, plugin: Any) -> bool:
    if not isinstance(architecture, str):
        return False
    own = isinstance(plugin, LinedDict) and plugin.get("namespace") == namespace_of(architecture)
    return own and architecture not in known


def _outsiders() -> Iterator[Finding]:
    """Report a user's entries that stand in a plugin's namespace and so are not used."""
    for message, path, line in Offers().refused():
        yield Finding(message, path, line)
