"""Check: one promise, who makes it, and how it is tested."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, final

from zoo_core.conformance.evidence import Evidence

S = TypeVar("S")


@final
class Skip(Exception):
    """Raised by a check that can't be made here; the text is the reason."""


@final
@dataclass(frozen=True)
class Check(Generic[S]):
    """A promise: its name, which subjects make it, and the function that tests it.

    `run` returns None or Evidence where the promise is kept, raises ConformanceError where it is
    broken, and Skip where nothing can be said. `since` is the plugin API's version that made the
    promise: a plugin written for an older one is only warned.
    """

    name: str
    run: Callable[[S], Evidence | None]
    claimed: Callable[[S], bool]
    since: int = 0

    @property
    def doc(self) -> str:
        """What the check proves and how."""
        return inspect.getdoc(self.run) or ""

    @property
    def summary(self) -> str:
        """The first line of `doc`: the promise."""
        return self.doc.partition("\n")[0]


def check(
    claimed: Callable[[S], bool], *, since: int = 0
) -> Callable[[Callable[[S], Evidence | None]], Check[S]]:
    """Make a Check of a function; its name, with dashes, is the check's.

    The docstring's first line is the promise; the rest says how it is tested, and for a
    statistical check its power.
    """

    def made(function: Callable[[S], Evidence | None]) -> Check[S]:
        return Check(function.__name__.replace("_", "-"), function, claimed, since)

    return made
