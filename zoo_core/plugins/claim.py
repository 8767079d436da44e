"""What a distribution's metadata says of the plugins in it."""

from __future__ import annotations

from typing import NamedTuple


class Claim(NamedTuple):
    """One entry point of the group `zoo.plugins`: a distribution claims a namespace."""

    namespace: str
    value: str
    distribution: str
    version: str
    problem: str | None = None
    """Why the metadata cannot be used, if it cannot."""
