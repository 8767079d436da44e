"""A page: what is on it, whatever it is written as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from PIL import Image


@final
@dataclass(frozen=True)
class Heading:
    """A heading, of level 2 or 3."""

    text: str
    level: int = 2


@final
@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@final
@dataclass(frozen=True)
class Table:
    """A table; `numbers` are the columns aligned to the right, `strong` cells (row, column)."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    strong: frozenset[tuple[int, int]] = frozenset()


@final
@dataclass(frozen=True, eq=False)
class Exhibit:
    """A picture, or lines of text, with a name and a caption."""

    name: str
    caption: str
    content: Image.Image | tuple[str, ...]


@final
@dataclass(frozen=True)
class Gallery:
    """Exhibits side by side."""

    exhibits: Sequence[Exhibit]


Block = Heading | Paragraph | Table | Gallery


@final
@dataclass(frozen=True)
class Page:
    """A title and what follows it."""

    title: str
    blocks: Sequence[Block]
