"""Figures as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from zoo_core.checkpoints.figures import shown
from zoo_core.cli.tables import in_terminal, show_table

if TYPE_CHECKING:
    from zoo_core.interfaces.metric import Metric

HEADINGS = ("metric", "value", "unit", "n", "likelihood", "settings")


def show_metrics(metrics: Sequence[Metric]) -> None:
    """Print figures: in a terminal a table under each protocol, else tab-separated lines.

    A line is: metric, value, standard error, unit, n, kind, measure, split, settings, protocol.
    """
    if not in_terminal():
        show_table((), [_line(metric) for metric in metrics])
        return
    groups: dict[tuple[str, str], list[Metric]] = {}
    for metric in metrics:
        groups.setdefault((metric.split, metric.protocol), []).append(metric)
    for (split, protocol), group in groups.items():
        click.echo(f"{split}: {protocol}")
        _draw([cells(metric) for metric in group])


def cells(metric: Metric) -> Sequence[str]:
    """Give the cells of a figure, in the order of HEADINGS."""
    return (
        metric.name,
        shown(metric.value, metric.standard_error),
        metric.unit or "",
        "" if metric.n is None else f"{metric.n:,}",
        " ".join(filter(None, (metric.kind, metric.measure))),
        settings_text(metric.settings),
    )


def _draw(rows: Sequence[Sequence[str]]) -> None:
    """Draw a table whose first column is wrapped where the window is narrow; values never are."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    used = [i for i in range(len(HEADINGS)) if any(row[i] for row in rows)]
    table = Table(box=SIMPLE_HEAD, header_style="bold")
    for i in used:
        table.add_column(HEADINGS[i], no_wrap=i > 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[i]) for i in used))
    Console().print(table)


def _line(m: Metric) -> Sequence[str]:
    error = "" if m.standard_error is None else repr(m.standard_error)
    n = "" if m.n is None else str(m.n)
    about = (m.kind or "", m.measure or "", m.split, settings_text(m.settings), m.protocol)
    return (m.name, repr(m.value), error, m.unit or "", n, *about)


def settings_text(settings: Mapping[str, Any]) -> str:
    """Write settings as k=3, tolerance=1e-05."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())
