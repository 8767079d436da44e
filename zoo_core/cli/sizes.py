"""Sizes as people say them."""

from __future__ import annotations


def human_size(size: int) -> str:
    """Give a number of bytes in powers of 1000."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= one:
            return f"{size / one:.3g} {unit}"
    return f"{size} B"
