"""Tables: tab-separated lines into a pipe, a drawn table in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

_SCREENFULS = 2


def in_terminal() -> bool:
    """Whether a person is looking at stdout."""
    return sys.stdout.isatty()


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]], narrow: str = "") -> None:
    """Print rows; a terminal gets the first screenfuls, then how many more and how to `narrow`."""
    if not in_terminal():
        if rows:
            click.echo("\n".join(map(_one_line, rows)))
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


def _one_line(row: Sequence[str]) -> str:
    line = "\t".join(row)
    if "\n" in line or "\r" in line or line.count("\t") >= len(row):
        return "\t".join(map(_one_cell, row))
    return line


def _one_cell(text: str) -> str:
    return text.translate({9: " ", 10: " ", 13: " "})


def _draw(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for position, heading in enumerate(headings):
        # The first column is what people copy: it is never cut.
        table.add_column(heading, overflow="fold" if position == 0 else "ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_one_cell(cell), overflow="ellipsis") for cell in row))
    Console().print(table)
