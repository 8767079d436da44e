"""Names: `namespace/name`, lower case, digits and single dashes."""

from __future__ import annotations

import re

_WORD = r"[a-z0-9]+(?:-[a-z0-9]+)*"
NAMESPACE = re.compile(_WORD)
NAME = re.compile(rf"{_WORD}/{_WORD}")


def namespace_of(name: str) -> str:
    """Give what stands before the slash."""
    return name.partition("/")[0]
