"""Tables: printed, and written into `benchmarks/results.md`, a section for each benchmark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

PATH = Path(__file__).parents[1] / "results.md"
HEAD = (
    "# Benchmarks\n\nWritten by `make bench`; a section for each script, by the last run of it.\n"
)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table in Markdown, the first column left-aligned, with its columns in line."""
    cells = [list(header), *map(list, rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [_line(row, widths) for row in cells]
    return "\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]])


def publish(title: str, *parts: str) -> None:
    """Print a section, and put it in the place of the one with this title."""
    section = "\n\n".join((f"## {title}", *parts))
    print(section, flush=True)
    text = PATH.read_text("utf-8") if PATH.exists() else HEAD
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    sections[title] = section.split("\n", 1)[1]
    body = "\n\n".join(f"## {name}\n{sections[name].rstrip()}" for name in sorted(sections))
    PATH.write_text(f"{HEAD}\n{body}\n", "utf-8")


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [row[0].ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return f"| {' | '.join(padded)} |"
