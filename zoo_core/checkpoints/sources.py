"""Where a checkpoint's files lie, and what is promised of their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from zoo_core.errors import FormatError, IntegrityError


@final
@dataclass(frozen=True)
class SourceFile:
    """One file: its path, and the sha256 that it must have where one is known.

    `mappable` says that the bytes never change in place, as those of a content-addressed cache;
    then tensors may be mapped instead of copied.
    """

    path: Path
    sha256: str | None = None
    mappable: bool = False


@final
@dataclass(frozen=True)
class Source:
    """A checkpoint's files by their names within it; `origin` is how messages call it."""

    origin: str
    files: Mapping[str, SourceFile]

    def file(self, name: str) -> SourceFile:
        """Give a file. Raises FormatError where the checkpoint lacks it."""
        if name not in self.files:
            raise FormatError(
                f"A saved model has the file {name}",
                received=f"{self.origin} with {', '.join(sorted(self.files)) or 'no files'}",
                remedy="Give the folder that zoo.save wrote, or a repository that zoo.push made.",
            )
        return self.files[name]


def check_hash(file: SourceFile, sha256: str) -> None:
    """Compare a file's sha256 with the promised one, where there is one."""
    if file.sha256 is not None and sha256 != file.sha256:
        raise IntegrityError(
            f"{file.path.name} has the sha256 that was promised, {file.sha256}",
            received=f"{sha256} for {file.path}",
            remedy="Its bytes were changed or damaged. "
            + ("Delete it and load again." if file.mappable else "Get it again."),
        )
