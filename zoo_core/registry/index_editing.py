"""A plugin's section put into a public index, in order, below the line of third parties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo_core.errors import RegistryError
from zoo_core.plugins.distributions import normalized
from zoo_core.plugins.yaml_file import LinedDict, LinedList, file_error, parse
from zoo_core.registry.editing import Lines, checked
from zoo_core.registry.publish import THIRD_PARTY, as_item


def first_third_party_line(text: str) -> int:
    """Give the line below which third parties' sections stand; 0 for an index of one's own."""
    before, marker, _ = text.partition(THIRD_PARTY)
    return len(before.splitlines()) + 1 if marker else 0


def with_section(path: str, text: str, section: Mapping[str, Any]) -> str:
    """Add a plugin's section by namespace, or put it in the place of the one that it has.

    Raises RegistryError where the namespace is another distribution's, or the section is one of
    those that are made from the repository; RegistryFileError where `path` is no index.
    """
    data = parse(text.encode(), path)
    items = data.get("plugins")
    if not isinstance(items, LinedList):
        raise file_error(path, None, "an index of plugins has the list `plugins`")
    lines, begin = Lines(path, text), first_third_party_line(text)
    own = _own(path, items, section, begin)
    changed = list(items)
    if own is not None:
        changed[own] = section
        start, end = _place(lines, data, items, own)
        lines.replace(start, end, as_item(section))
    else:
        at = _position(items, section, begin)
        changed.insert(at, section)
        _insert(lines, data, at, begin, as_item(section))
    return checked(path, lines.text, {**data, "plugins": changed})


def _own(path: str, items: LinedList, section: Mapping[str, Any], begin: int) -> int | None:
    """Give the place of the section of this namespace. Raises RegistryError."""
    namespace, distribution = section["plugin"]["namespace"], section["plugin"]["distribution"]
    for i, (item, line) in enumerate(zip(items, items.lines, strict=True)):
        plugin = item.get("plugin") if isinstance(item, LinedDict) else None
        if not isinstance(plugin, LinedDict) or plugin.get("namespace") != namespace:
            continue
        if normalized(str(plugin.get("distribution"))) != normalized(distribution):
            raise RegistryError(
                f"{path}:{line}: the namespace {namespace}/ belongs to {plugin['distribution']}",
                received=distribution,
                remedy="Choose another namespace, and name your models by it.",
            )
        if line < begin:
            raise RegistryError(
                f"{path}:{line}: this section is made from the repository's own files",
                received=distribution,
                remedy="Run: make registry",
            )
        return i
    return None


def _position(items: LinedList, section: Mapping[str, Any], begin: int) -> int:
    """Give the index before which a new section goes: by namespace, among third parties."""
    namespace = section["plugin"]["namespace"]
    for i, (item, line) in enumerate(zip(items, items.lines, strict=True)):
        if line >= begin and namespace_in(item) > namespace:
            return i
    return len(items)


def namespace_in(item: Any) -> str:
    """Give the namespace of a section, "" where it has none."""
    plugin = item.get("plugin") if isinstance(item, LinedDict) else None
    return str(plugin.get("namespace", "")) if isinstance(plugin, LinedDict) else ""


def _place(lines: Lines, data: LinedDict, items: LinedList, i: int) -> tuple[int, int]:
    """Give where a section begins and ends."""
    last = i + 1 == len(items)
    after = [n - 1 for n in data.lines.values() if n > data.lines["plugins"]]
    limit = min(after, default=len(lines)) if last else items.lines[i + 1] - 1
    line = items.lines[i]
    return line - 1, lines.end(line, limit, lines.indent("-", line))


def _insert(lines: Lines, data: LinedDict, at: int, begin: int, text: str) -> None:
    """Put a section before that of an index; `begin` is the line of third parties."""
    items = data["plugins"]
    if not items:  # `plugins: []` becomes a list in block style.
        line = data.lines["plugins"]
        lines.replace(line - 1, line, f"plugins:\n\n{text}")
    elif at < len(items):
        start = max(lines.lead(items.lines[at]), begin)
        lines.replace(start, start, f"{text}\n")
    else:
        # Behind the line of third parties, and behind what they have written at the end.
        start = len(lines)
        lines.replace(start, start, f"\n{text}")
