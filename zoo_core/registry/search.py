"""Searching: by wildcard, interface, tag, data set, and whether it can be used."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from zoo_core.plugins.names import namespace_of
from zoo_core.registry import memory
from zoo_core.registry.offers import Offers
from zoo_core.registry.records import ArchitectureInfo, FormatInfo, ModelSummary

Interface = str | type


def list_models(
    pattern: str = "*",
    *,
    provides: Interface | None = None,
    tag: str | None = None,
    dataset: str | None = None,
    installed: bool | None = None,
) -> list[ModelSummary]:
    """List the models whose name or alias matches the wildcard pattern, sorted by name.

    `provides` is an interface or its name; `installed` keeps those that can (True) or cannot
    (False) be loaded with the plugins that are here.
    """
    found = Offers().models()
    if pattern != "*":
        matches = _matcher(pattern)
        found = [m for m in found if matches(m.name) or any(map(matches, m.aliases))]
    if provides is not None:
        interface = _name(provides)
        found = [m for m in found if interface in m.provides]
    if tag is not None:
        found = [m for m in found if tag in m.tags]
    if dataset is not None:
        found = [m for m in found if dataset == m.dataset]
    if installed is not None:
        found = [m for m in found if m.installed is installed]
    return found


def list_architectures(
    pattern: str = "*", *, provides: Interface | None = None, installed: bool | None = None
) -> list[ArchitectureInfo]:
    """List the architectures whose name matches the wildcard pattern, sorted by name."""
    matches = _matcher(pattern)
    by_name = {a.name: a for a in Offers().architectures()} | memory.architectures()
    found = [by_name[name] for name in sorted(by_name) if matches(name)]
    if provides is not None:
        interface = _name(provides)
        found = [a for a in found if interface in a.provides]
    if installed is not None:
        found = [a for a in found if a.installed is installed]
    return found


def list_formats(
    pattern: str = "*", *, provides: Interface | None = None, installed: bool | None = None
) -> list[FormatInfo]:
    """List the formats of other libraries' whose name matches the wildcard pattern, sorted."""
    matches = _matcher(pattern)
    interface = None if provides is None else _name(provides)
    return [
        found
        for found in Offers().formats()
        if matches(found.name)
        and (interface is None or interface in found.provides)
        and (installed is None or found.installed is installed)
    ]


def closest(name: str, n: int = 3) -> list[str]:
    """Give up to n names of models and architectures that are most like this one."""
    import difflib

    known = [*Offers().names(), *memory.architectures()]
    low = name.lower()
    found = difflib.get_close_matches(low, known, n=n)
    # A person often types what follows the slash only.
    ends = [k for k in known if k.partition("/")[2] == low or namespace_of(k) == low]
    if not found and not ends:
        ends = _by_last_part(low, known, n)
    return list(dict.fromkeys(ends + found))[:n]


def _by_last_part(name: str, known: list[str], n: int) -> list[str]:
    import difflib

    by_end: dict[str, str] = {}
    for full in known:
        by_end.setdefault(full.partition("/")[2], full)
    ends = difflib.get_close_matches(name.rpartition("/")[2], by_end, n=n, cutoff=0.7)
    return [by_end[end] for end in ends]


def _matcher(pattern: str) -> Callable[[str], object]:
    """Match names as shells match files; names are lower case."""
    return re.compile(fnmatch.translate(pattern.lower())).match


def _name(interface: Interface) -> str:
    return interface if isinstance(interface, str) else interface.__name__
