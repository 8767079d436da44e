"""What `zoo doctor` says of one thing."""

from __future__ import annotations

from typing import NamedTuple


class Diagnosis(NamedTuple):
    """A subject, whether it is well, a sentence, and what to do if it isn't."""

    subject: str
    good: bool
    message: str
    remedy: str | None = None
