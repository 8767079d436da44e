"""Try again what may work later."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from zoo_core.hub import client, failures

ATTEMPTS = 5
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0

Answer = TypeVar("Answer")


def retried(ask: Callable[[], Answer], *, attempts: int | None = None) -> Answer:
    """Call until it works, with growing pauses between failures that may pass.

    The Hub's Retry-After is heeded up to a minute. What won't pass, and the last failure, is
    raised as it came.
    """
    attempts = attempts or ATTEMPTS
    for attempt in range(1, attempts + 1):
        try:
            return ask()
        except Exception as error:
            if attempt == attempts or not failures.is_temporary(error):
                raise
            pause(error, attempt)
    raise AssertionError  # the loop returns or raises


def pause(error: Exception, attempt: int) -> None:
    """Wait before the next attempt."""
    time.sleep(pause_after(error, attempt))


def pause_after(error: Exception, attempt: int) -> float:
    """Give the seconds to wait: as asked by the Hub, else twice as long each time, blurred."""
    answer = client.response(error)
    asked = "" if answer is None else answer.headers.get("Retry-After", "")
    if asked.isdigit():
        return min(float(asked), LONGEST_PAUSE)
    # Blurred, so that many clients that failed together don't return together.
    return min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * (0.75 + 0.5 * random.random())
