"""Documents: which stretches of a text file are texts of their own."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import final

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
