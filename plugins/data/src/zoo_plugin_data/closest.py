"""What to say of a name that isn't there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], most: int = 12) -> str:
    """Give the closest of the known names, else list some of them."""
    names = list(known)
    lower = {each.lower(): each for each in reversed(names)}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    if near:
        return f"Did you mean {lower[near[0]]!r}?"
    shown = ", ".join(names[:most]) or "none"
    return f"There are {shown}." if len(names) <= most else f"There are {shown}, …"
