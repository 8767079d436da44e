"""Tables: tab-separated lines into a pipe, a drawn table in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

_SCREENFULS = 2
_GAP = 3
_LAST, _LEAST = 24, 8
"""So wide the last column, the summary, and the others stay."""


def in_terminal() -> bool:
    """Whether a person is looking at stdout."""
    return sys.stdout.isatty()


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]], narrow: str = "") -> None:
    """Print rows; a terminal gets the first screenfuls, then how many more and how to `narrow`."""
    if not in_terminal():
        if rows:
            click.echo(_lines(rows))
        return
    import shutil

    lines = max(20, _SCREENFULS * (shutil.get_terminal_size().lines - 4)) if narrow else len(rows)
    _draw(headings, rows[:lines])
    if len(rows) > lines:
        click.echo(f"{len(rows) - lines:,} more: {narrow}")


def show_json(data: Any) -> None:
    """Print data as JSON, one line a level."""
    import json

    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def show_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Print `key  value` lines, aligned; empty values are left out."""
    shown = [(key, value) for key, value in pairs if value]
    width = max((len(key) for key, _ in shown), default=0)
    for key, value in shown:
        first, *rest = value.split("\n")
        click.echo(f"{key:<{width}}  {first}")
        for line in rest:
            click.echo(f"{'':<{width}}  {line}")


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = "\n".join(map("\t".join, rows))
    # Counting tells whether a cell holds a separator sooner than looking at ten thousand rows.
    tabs, ends = sum(map(len, rows)) - len(rows), len(rows) - 1
    if text.count("\t") == tabs and text.count("\n") == ends and "\r" not in text:
        return text
    return "\n".join("\t".join(map(_one_cell, row)) for row in rows)


def _one_cell(text: str) -> str:
    return text.translate({9: " ", 10: " ", 13: " "})


def _draw(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [i for i in range(len(headings)) if any(row[i] for row in rows)]
    console = Console()
    widths = [max(len(row[i]) for row in (headings, *rows)) for i in shown]
    widths = _fitted(widths, console.width)
    table = Table(box=SIMPLE_HEAD, header_style="bold")
    for i in shown:
        table.add_column(headings[i], no_wrap=True)
    for row in rows:
        cells = (_cut(_one_cell(row[i]), width) for i, width in zip(shown, widths, strict=True))
        table.add_row(*map(Text, cells))
    console.print(table)


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """Narrow columns from the right until they fit; the first, which people copy, stays whole."""
    fitted = list(widths)
    over = sum(fitted) + _GAP * len(fitted) - room
    for i in range(len(fitted) - 1, 0, -1):
        least = min(fitted[i], _LAST if i == len(fitted) - 1 else _LEAST)
        cut = max(0, min(over, fitted[i] - least))
        fitted[i] -= cut
        over -= cut
    return fitted


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
