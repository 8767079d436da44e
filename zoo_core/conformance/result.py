"""CheckResult: how one check of one subject came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import final


@final
class Status(StrEnum):
    """How a check came out."""

    PASSED = "passed"
    FAILED = "failed"
    EXPECTED_FAILURE = "expected_failure"
    SKIPPED = "skipped"


@final
@dataclass(frozen=True)
class CheckResult:
    """A check's name, how it came out, and why.

    `reason` is empty for a check that passed. `p_values` are those of a statistical check, by
    the statistic's name; they tell how near a pass was to a failure.
    """

    name: str
    status: Status
    reason: str = ""
    seconds: float = 0.0
    p_values: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Give one line: the name, the status, the reason."""
        return f"{self.name}: {self.status}" + (f": {self.reason}" if self.reason else "")
