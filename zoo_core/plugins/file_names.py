"""Names of files within a repository or a folder, with / between folders."""

from __future__ import annotations

import re

_SEGMENT = re.compile(r"[^/\\:\0]+")


def is_inside(name: str) -> bool:
    """Whether a file's name stays within its folder, on every system."""
    return all(_SEGMENT.fullmatch(s) and s not in (".", "..") for s in name.split("/"))
