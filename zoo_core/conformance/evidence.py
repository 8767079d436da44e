"""Evidence: what a statistical check saw, as p-values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from zoo_core.errors import ConformanceError

FALSE_ALARM = 1e-4
"""The probability, at most, with which a statistical check fails a right model."""


@final
@dataclass(frozen=True)
class Evidence:
    """The p-values of a statistical check, by the statistic's name.

    Under the promise each is uniform between 0 and 1, or stochastically larger. A check fails
    where the smallest of k is below FALSE_ALARM / k (Bonferroni), so that its false alarms are
    no more frequent than FALSE_ALARM however the statistics depend on each other.
    """

    p_values: Mapping[str, float]
    received: str = ""
    """What was seen, in words and figures, for the reader of a failure."""

    def judge(self, rule: str) -> None:
        """Raise ConformanceError where the evidence is against the rule."""
        name, smallest = min(self.p_values.items(), key=lambda item: item[1])
        # `not >=`, so that a p-value that is NaN fails.
        if not smallest * len(self.p_values) >= FALSE_ALARM:
            seen = f"{self.received}; " if self.received else ""
            raise ConformanceError(rule, received=f"{seen}p = {smallest:.1e} ({name})")
