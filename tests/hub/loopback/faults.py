"""What can go wrong on the wire, on demand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """How an answer is spoilt."""

    STATUS = "status"  # answers `status` with `headers` and no body worth reading
    RESET = "reset"  # sends a TCP reset instead of an answer
    CUT = "cut"  # sends `at` bytes of the body, then closes
    CUT_AFTER = "cut after"  # does the work, then resets instead of answering
    FLIP = "flip"  # flips one bit of byte `at` of the body
    SHORT = "short"  # promises and sends only `at` bytes
    SLOW = "slow"  # sends the body in pieces of `at` bytes with `pause` seconds between
    HEADERS = "headers"  # answers well, but with `headers` in place of its own
    REPLACE = "replace"  # answers with `body` instead of its own


@dataclass
class Fault:
    """Spoils the next `times` requests of `method` whose path matches `path`."""

    kind: FaultKind
    method: str = "GET"
    path: str = ""
    times: int = 1
    status: int = 500
    at: int = 0
    pause: float = 0.01
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def matches(self, method: str, path: str) -> bool:
        """Whether this fault has something left for the request."""
        return self.times > 0 and method == self.method and re.search(self.path, path) is not None
