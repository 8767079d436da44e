"""Selection: which checks of which models are verified; and one check that was."""

from __future__ import annotations

from typing import NamedTuple, final

from zoo_core.conformance.result import CheckResult


@final
class Verified(NamedTuple):
    """One check that was made: of which distribution or model, and how it came out."""

    subject: str
    result: CheckResult


@final
class Selection(NamedTuple):
    """What is checked.

    `models` is a wildcard of architectures' names; with one, only models are checked. An empty
    `checks` means all. Processes that divide the work take every `of`-th architecture, from
    `share` on; the first takes the distribution too.
    """

    models: str | None = None
    checks: frozenset[str] = frozenset()
    share: int = 0
    of: int = 1

    def takes(self, check: str) -> bool:
        """Say whether a check is among those that are made."""
        return not self.checks or check in self.checks


EVERYTHING = Selection()
