"""What a check found: a file, a line, a sentence."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, final


@final
class Level(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    OK = "ok"


class Finding(NamedTuple):
    """One thing that a check found in a file, or in an installation."""

    message: str
    path: str | None = None
    line: int | None = None
    level: Level = Level.ERROR
    remedy: str | None = None

    @property
    def where(self) -> str:
        """The place as `file:line`, `file`, or nothing."""
        if self.path is None:
            return ""
        return self.path if self.line is None else f"{self.path}:{self.line}"

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.path else self.message
        return text if self.remedy is None else f"{text} {self.remedy}"
