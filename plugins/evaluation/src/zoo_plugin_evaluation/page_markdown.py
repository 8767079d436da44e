"""A page as Markdown, with its pictures in a folder beside it."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from zoo_plugin_evaluation.page import Block, Exhibit, Gallery, Heading, Page, Paragraph, Table


def write_markdown(page: Page, path: Path) -> None:
    """Write NAME.md, and its pictures into the folder NAME-pictures/ beside it."""
    folder = path.with_name(f"{path.stem}-pictures")
    blocks = [_block(block, folder) for block in page.blocks]
    path.write_text("\n\n".join([f"# {_escaped(page.title)}", *blocks]) + "\n", "utf-8")


def _block(block: Block, folder: Path) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_escaped(block.text)}"
        case Paragraph():
            return _escaped(block.text)
        case Table():
            return _table(block)
        case Gallery():
            return "\n\n".join(_exhibit(exhibit, folder) for exhibit in block.exhibits)


def _table(table: Table) -> str:
    rule = ["---:" if i in table.numbers else "---" for i in range(len(table.headings))]
    lines = [[_escaped(text) for text in table.headings], rule]
    for n, row in enumerate(table.rows):
        cells = [_escaped(text) for text in row]
        lines.append([f"**{c}**" if (n, i) in table.strong else c for i, c in enumerate(cells)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _exhibit(exhibit: Exhibit, folder: Path) -> str:
    head = f"**{_escaped(exhibit.name)}**, {_escaped(exhibit.caption)}"
    if not isinstance(exhibit.content, Image.Image):
        return f"{head}\n\n```text\n{chr(10).join(exhibit.content)}\n```"
    folder.mkdir(exist_ok=True)
    file = folder / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', exhibit.name).strip('-')}.png"
    exhibit.content.save(file, optimize=True)
    return f"{head}\n\n![{_escaped(exhibit.name)}]({folder.name}/{file.name})"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]#])", r"\\\1", text)
