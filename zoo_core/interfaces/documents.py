"""Documents: which stretches of a text file are texts of their own."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any, final

from zoo_core.errors import DataError

FIELD = "text"
"""The field of a JSON object that holds its text."""
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")


@final
class Documents(StrEnum):
    """What one text is in a file: all of it, each line, or what lies between blank lines."""

    FILE = "file"
    LINES = "lines"
    PARAGRAPHS = "paragraphs"

    def parts(self, text: str) -> list[str]:
        """Give the texts of a file, without the line breaks between them; blank ones are none.

        A file that is one text loses nothing.
        """
        match self:
            case Documents.FILE:
                return [text] if text else []
            case Documents.LINES:
                return [line for line in text.split("\n") if line.strip()]
            case Documents.PARAGRAPHS:
                return [part for part in _BLANK_LINES.split(text.strip("\n")) if part.strip()]


def texts_of_objects(content: str, name: str) -> list[str]:
    """Give the field `text` of each line's JSON object; blank lines are none.

    `name` is how messages call the file. Raises DataError for a line of another form.
    """
    lines = enumerate(content.split("\n"), start=1)
    return [_field(name, number, line) for number, line in lines if line.strip()]


def _field(name: str, number: int, line: str) -> str:
    try:
        found: Any = json.loads(line)
    except ValueError:
        found = None
    text = found.get(FIELD) if isinstance(found, dict) else None
    if not isinstance(text, str):
        raise DataError(
            f'Each line of {name} is like {{"{FIELD}": "…"}}',
            received=f"{line[:60]!r} in line {number}",
        )
    return text
