"""Interrupts that wait until a step is over."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self, final

_TWICE = 2.0
"""Seconds after which a second interrupt no longer is the first one, passed on by a launcher."""


@final
class Interruption:
    """Takes note of SIGINT and SIGTERM inside, so that a run ends between two steps.

    A second SIGINT, some seconds later, interrupts at once. Signals for which the program has a
    handler of its own are left alone, and so are those of other threads.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._first = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        if threading.current_thread() is threading.main_thread():
            for number, handler in usual.items():
                if signal.getsignal(number) is handler:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pass_on(self) -> None:
        """Let the signal have its usual effect, once what had to be done is done."""
        if self.received == signal.SIGTERM:
            os.kill(os.getpid(), signal.SIGTERM)
        raise KeyboardInterrupt

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if self.received is None:
            self.received, self._first = number, now
        elif number == signal.SIGINT and now - self._first > _TWICE:
            raise KeyboardInterrupt
