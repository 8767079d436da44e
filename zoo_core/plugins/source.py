"""A registry file in use: one of the inputs of the compiled index."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import NamedTuple, final


@final
class SourceKind(StrEnum):
    """Whose file it is."""

    PLUGIN = "plugin"
    INDEX = "index"
    USER = "user"


class Source(NamedTuple):
    """A registry file with what tells whether it has changed."""

    kind: SourceKind
    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, kind: SourceKind, path: str) -> Source:
        """Look at a file; one that can't be looked at has size −1."""
        try:
            status = os.stat(path)
        except OSError:
            return cls(kind, path, -1, 0)
        return cls(kind, path, status.st_size, status.st_mtime_ns)
