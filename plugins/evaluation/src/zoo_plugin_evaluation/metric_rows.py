"""Figures as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo_core.checkpoints.figures import shown

if TYPE_CHECKING:
    from zoo_core.interfaces.metric import Metric

HEADINGS = ("metric", "value", "unit", "n", "kind", "measure", "split", "settings", "protocol")


def rows_of(metrics: Sequence[Metric]) -> list[Sequence[str]]:
    """Give the cells of each figure, in the order of HEADINGS."""
    return [
        (
            m.name,
            shown(m.value, m.standard_error),
            m.unit or "",
            "" if m.n is None else f"{m.n:,}",
            m.kind or "",
            m.measure or "",
            m.split,
            settings_text(m.settings),
            m.protocol,
        )
        for m in metrics
    ]


def settings_text(settings: Mapping[str, Any]) -> str:
    """Write settings as k=3, tolerance=1e-05."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())
