"""The order of a registry file, which lets two people add entries without a conflict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from zoo_core.plugins.finding import Finding, Level
from zoo_core.plugins.yaml_file import LinedDict, LinedList
from zoo_core.registry.index_editing import namespace_in


def check_models(path: str, section: LinedDict) -> Iterator[Finding]:
    """Warn of models that are not in alphabetical order."""
    models = section.get("models")
    if isinstance(models, LinedDict):
        yield from _disordered(path, list(models), list(models.lines.values()), Level.WARNING)


def check_sections(path: str, items: LinedList, begin: int) -> Iterator[Finding]:
    """Report third parties' sections that are not in the order of their namespaces."""
    theirs = [(namespace_in(i), n) for i, n in zip(items, items.lines, strict=True) if n >= begin]
    yield from _disordered(path, [n for n, _ in theirs], [n for _, n in theirs], Level.ERROR)


def _disordered(
    path: str, names: Sequence[str], lines: Sequence[int], level: Level
) -> Iterator[Finding]:
    for (before, name), line in zip(pairwise(names), lines[1:], strict=True):
        if name < before:
            yield Finding(f"{name} stands after {before}, out of order.", path, line, level)
