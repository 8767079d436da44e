"""Keep the libraries' reports and progress bars of a load off the user's terminal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

_LOCK = threading.Lock()
_LIBRARIES = ("diffusers", "transformers")
_HANDLERS: list[logging.Handler] = []
_BARS: list[Callable[[], None]] = []
_USERS = 0


@final
class _Silenced(threading.local):
    """How deep this thread is within `silenced`."""

    depth = 0


@final
class _Filter(logging.Filter):
    """Drop what threads log that are silenced."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is passed on."""
        return _SILENCED.depth == 0


_SILENCED = _Silenced()
_FILTER = _Filter()


@contextmanager
def silenced() -> Iterator[None]:
    """Within it, this thread's messages of diffusers and transformers aren't shown.

    Nor are their progress bars, in any thread, since their switches are global. Afterwards all is
    as it was; the libraries' verbosity isn't touched.
    """
    _install()
    _SILENCED.depth += 1
    try:
        yield
    finally:
        _SILENCED.depth -= 1
        _uninstall()


def _install() -> None:
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    global _USERS
    with _LOCK:
        _USERS += 1
        if _USERS > 1:
            return
        for name in _LIBRARIES:
            _HANDLERS.extend(logging.getLogger(name).handlers)
        for handler in _HANDLERS:
            handler.addFilter(_FILTER)
        for library in (of_diffusers, of_transformers):
            if library.is_progress_bar_enabled():
                library.disable_progress_bar()
                _BARS.append(library.enable_progress_bar)


def _uninstall() -> None:
    global _USERS
    with _LOCK:
        _USERS -= 1
        if _USERS == 0:
            while _HANDLERS:
                _HANDLERS.pop().removeFilter(_FILTER)
            while _BARS:
                _BARS.pop()()
