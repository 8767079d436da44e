"""Calling hooks: each implementation on its own, a failing one isolated and named."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from zoo_core.errors import HookError, ZooError
from zoo_core.hooks.implementations import Implementation

_log = logging.getLogger(__name__)


def call_each(
    implementations: Iterable[Implementation], arguments: dict[str, Any]
) -> Iterator[tuple[Implementation, Any]]:
    """Call all and give what they return; one that raises is logged and left out."""
    for implementation in implementations:
        try:
            result = _call(implementation, arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001  isolation is the purpose
            report(implementation, error)
        else:
            yield implementation, result


def call_first(
    implementations: Iterable[Implementation], arguments: dict[str, Any]
) -> tuple[Implementation, Any] | None:
    """Give the first result that isn't None.

    An error of the zoo's own (wrong data, say) passes as it is, with a note of where it was
    raised. Raises HookError, naming the implementation, for any other.
    """
    for implementation in implementations:
        try:
            result = _call(implementation, arguments)
        except ZooError as error:
            error.add_note(f"Raised in {implementation}.")
            raise
        except (Exception, SystemExit) as error:
            raise failure(implementation, error) from error
        if result is not None:
            return implementation, result
    return None


def failure(implementation: Implementation, error: BaseException) -> HookError:
    """Make the error that names a failing implementation."""
    return HookError(
        f"{implementation} works",
        received=f"{type(error).__name__}: {error}",
        remedy=f"Report it to the authors of {implementation.source.distribution}, "
        f"or put it aside: ZOO_DISABLE={implementation.source.distribution}.",
    )


def report(implementation: Implementation, error: BaseException) -> None:
    """Log a failing implementation, with its traceback for those who look for it."""
    _log.warning("%s failed and is left out: %s: %s", implementation, type(error).__name__, error)
    _log.debug("%s failed", implementation, exc_info=error)


def _call(implementation: Implementation, arguments: dict[str, Any]) -> Any:
    wanted = {name: arguments[name] for name in implementation.arguments}
    return implementation.function(**wanted)
