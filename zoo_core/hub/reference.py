"""hf://owner/repo@revision"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import final

from zoo_core.errors import OptionError, UnsafeFileError

PREFIX = "hf://"
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_REVISION = re.compile(r"[\w][\w./+-]{0,254}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@final
@dataclass(frozen=True)
class HubReference:
    """A repository and a branch, tag or commit of it; the branch `main` where none is given."""

    repo: str
    revision: str = "main"

    def __post_init__(self) -> None:
        if not _REPO.fullmatch(self.repo) or "--" in self.repo or ".." in self.repo:
            raise OptionError("A repository is named owner/repo", received=repr(self.repo[:120]))
        bad = ".." in self.revision or "//" in self.revision or self.revision.endswith(("/", "."))
        if not _REVISION.fullmatch(self.revision) or bad:
            raise UnsafeFileError(
                "A revision is a branch, a tag or a commit", received=repr(self.revision[:120])
            )

    @classmethod
    def parse(cls, text: str) -> HubReference:
        """Read hf://owner/repo or hf://owner/repo@revision. Raises OptionError."""
        repo, _, revision = text.removeprefix(PREFIX).partition("@")
        if not text.startswith(PREFIX) or text.endswith("@"):
            raise OptionError(
                "A Hub reference is hf://owner/repo@revision", received=repr(text[:120])
            )
        return cls(repo, revision or "main")

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a whole commit id, which can't move."""
        return is_commit(self.revision)

    def at(self, commit: str) -> HubReference:
        """The same repository at a commit."""
        return HubReference(self.repo, commit)

    def __str__(self) -> str:
        return f"{PREFIX}{self.repo}@{self.revision}"


def is_commit(text: str) -> bool:
    """Whether it is a whole commit id."""
    return _COMMIT.fullmatch(text) is not None
