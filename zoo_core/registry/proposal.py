"""A changed registry file judged against the one before: what a pull request may do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from zoo_core.plugins.distributions import normalized
from zoo_core.plugins.finding import Finding, Level
from zoo_core.plugins.yaml_file import LinedDict, parse
from zoo_core.registry.index_editing import first_third_party_line, namespace_in
from zoo_core.registry.rewriting import text_of


@final
@dataclass(frozen=True)
class _Part:
    """A plugin's section in one of the two files."""

    data: LinedDict
    line: int
    first_party: bool

    @property
    def distribution(self) -> str:
        return normalized(str(self.data["plugin"].get("distribution")))

    @property
    def models(self) -> Mapping[str, Any]:
        found = self.data.get("models")
        return found if isinstance(found, LinedDict) else {}


def check_against(path: str | os.PathLike[str], old: str | os.PathLike[str]) -> list[Finding]:
    """Compare a registry file with an older version of it.

    Nobody takes or removes a namespace that is another's; one plugin's sections change at a time;
    a model that was pinned to a commit stays so. Raises RegistryFileError for files that can't be
    read.
    """
    place = os.fspath(path)
    before, after = _parts(os.fspath(old)), _parts(place)
    found = [*_taken(place, before, after), *_strangers(place, before, after)]
    for namespace in before.keys() & after.keys():
        found += _unpinned(place, before[namespace], after[namespace])
    return sorted(found, key=lambda finding: finding.line or 0)


def _parts(path: str) -> dict[str, _Part]:
    """Give a file's sections by namespace."""
    text = text_of(Path(path))
    data, begin = parse(text.encode(), path), first_third_party_line(text)
    items = data.get("plugins", [data])
    sections = [item for item in items if isinstance(item, LinedDict) and namespace_in(item)]
    return {namespace_in(s): _Part(s, s.line, s.line < begin) for s in sections}


def _taken(path: str, before: Mapping[str, _Part], after: Mapping[str, _Part]) -> Iterator[Finding]:
    for namespace, was in before.items():
        now = after.get(namespace)
        if now is None:
            message = f"{namespace}/ of {was.distribution} is removed, which its maintainers do."
            yield Finding(message, path)
        elif now.distribution != was.distribution:
            message = f"the namespace {namespace}/ belongs to {was.distribution}."
            yield Finding(message, path, now.data["plugin"].line_of("distribution"))


def _strangers(
    path: str, before: Mapping[str, _Part], after: Mapping[str, _Part]
) -> Iterator[Finding]:
    """Report all but the first distribution whose sections change, where a third party's does."""
    changed = [p for n, p in after.items() if n not in before or before[n].data != p.data]
    if all(part.first_party for part in changed):
        return
    # What is new is what the pull request is about; else the first section that is another.
    new = [p for n, p in after.items() if n not in before]
    own = next(iter([*new, *(p for p in changed if not p.first_party)])).distribution
    for part in changed:
        if part.distribution != own:
            message = f"a change of {part.distribution}, in one with {own}."
            remedy = "One pull request changes the sections of one distribution."
            yield Finding(message, path, part.line, remedy=remedy)


def _unpinned(path: str, was: _Part, now: _Part) -> Iterator[Finding]:
    for name, entry in was.models.items():
        sources = entry.get("sources") if isinstance(entry, LinedDict) else None
        pinned = isinstance(sources, LinedDict) and "hub" in sources
        other = now.models.get(name)
        if not isinstance(other, LinedDict):
            message = f"{name} is gone; who loads it by this name no longer can."
            yield Finding(message, path, now.line, Level.WARNING)
            continue
        kept = other.get("sources")
        if pinned and not (isinstance(kept, LinedDict) and "hub" in kept):
            message = f"{name} is no longer pinned to a commit."
            yield Finding(message, path, other.line_of("sources"))
