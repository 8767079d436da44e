"""Refusal: whether a call raised the error that it should."""

from __future__ import annotations

from collections.abc import Callable

from zoo_core.conformance.check import Skip
from zoo_core.errors import ConformanceError, ZooError


def instead_of(
    expected: type[ZooError] | tuple[type[ZooError], ...], call: Callable[[], object]
) -> str:
    """Say what came instead of an error of these types; nothing where one came."""
    try:
        call()
    except expected:
        return ""
    except Skip:
        raise
    except Exception as error:  # noqa: BLE001  an error of another kind is the finding
        return type(error).__name__
    return "no error"


def require_refusal(
    expected: type[ZooError], call: Callable[[], object], what: str, *, rule: str, remedy: str
) -> None:
    """Raise ConformanceError where a call, for `what` is wrong in it, raises no such error."""
    seen = instead_of(expected, call)
    if seen:
        raise ConformanceError(rule, received=f"{seen} for {what}", remedy=remedy)
