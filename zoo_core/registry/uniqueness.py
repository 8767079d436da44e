"""Names that stand once in an index: namespaces, models, aliases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from zoo_core.plugins.finding import Finding
from zoo_core.plugins.yaml_file import LinedDict, LinedList


def check_unique(path: str, items: Iterable[Any]) -> Iterator[Finding]:
    """Report a namespace, a name or an alias that two places of one index have."""
    seen: dict[str, int] = {}
    for section in items:
        for name, line in _names(section) if isinstance(section, LinedDict) else ():
            if seen.setdefault(name, line) != line:
                message = f"the {_kind(name)} {name} is taken on line {seen[name]}."
                yield Finding(message, path, line)


def _kind(name: str) -> str:
    return "namespace" if name.endswith("/") else "name"


def _names(section: LinedDict) -> Iterator[tuple[str, int]]:
    """List a section's namespace, its models' names and their aliases, with their lines."""
    plugin, models = section.get("plugin"), section.get("models")
    if isinstance(plugin, LinedDict) and isinstance(plugin.get("namespace"), str):
        yield f"{plugin['namespace']}/", plugin.line_of("namespace")
    if not isinstance(models, LinedDict):
        return
    for name, entry in models.items():
        yield name, models.line_of(name)
        if isinstance(entry, LinedDict) and isinstance(entry.get("aliases"), LinedList):
            texts = (alias for alias in entry["aliases"] if isinstance(alias, str))
            yield from ((alias, entry.line_of("aliases")) for alias in texts)
