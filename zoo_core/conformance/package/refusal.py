"""A promise broken by some of many: the first of them are named."""

from __future__ import annotations

from collections.abc import Sequence

from zoo_core.errors import ConformanceError

_SHOWN = 5


def refuse(rule: str, found: Sequence[str], remedy: str) -> None:
    """Raise ConformanceError where anything was found that breaks the rule."""
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise ConformanceError(rule, received="; ".join(found[:_SHOWN]) + more, remedy=remedy)
