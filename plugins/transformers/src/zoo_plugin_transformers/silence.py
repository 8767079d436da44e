"""Keep transformers' reports and progress bars of a load off the user's terminal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, final

_LOCK = threading.Lock()
_LIBRARY = "transformers"


@final
class _Silenced(threading.local):
    """How deep this thread is within `silenced`, and what was logged meanwhile."""

    depth = 0


@final
class _Filter(logging.Filter):
    """Drop what threads log that are silenced."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is passed on."""
        return _SILENCED.depth == 0


@final
class _Unseen:
    """A progress bar that isn't shown."""

    def __init__(self, iterable: Any = None, *arguments: Any, **options: Any) -> None:
        del arguments, options
        self._iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self._iterable)

    def __enter__(self) -> _Unseen:
        return self

    def __exit__(self, *error: object) -> None:
        """End, like a bar."""

    def update(self, count: float = 1) -> None:
        """Take a step, like a bar."""

    def close(self) -> None:
        """End, like a bar."""


_SILENCED = _Silenced()
_FILTER = _Filter()
_HANDLERS: list[logging.Handler] = []
_USERS = 0
_HOOK: Callable[..., Any] | None = None


@contextmanager
def silenced() -> Iterator[None]:
    """Within it, this thread's messages and bars of transformers aren't shown.

    Other threads keep theirs, and afterwards all is as it was: neither the library's verbosity
    nor its switch for bars is touched.
    """
    _install()
    _SILENCED.depth += 1
    try:
        yield
    finally:
        _SILENCED.depth -= 1
        _uninstall()


def _install() -> None:
    from transformers.utils.logging import set_tqdm_hook

    global _USERS, _HOOK
    with _LOCK:
        _USERS += 1
        if _USERS == 1:
            _HANDLERS.extend(logging.getLogger(_LIBRARY).handlers)
            for handler in _HANDLERS:
                handler.addFilter(_FILTER)
            _HOOK = set_tqdm_hook(_bar)


def _uninstall() -> None:
    from transformers.utils.logging import set_tqdm_hook

    global _USERS
    with _LOCK:
        _USERS -= 1
        if _USERS == 0:
            while _HANDLERS:
                _HANDLERS.pop().removeFilter(_FILTER)
            set_tqdm_hook(_HOOK)


def _bar(factory: Callable[..., Any], arguments: Any, options: Any) -> Any:
    if _SILENCED.depth:
        return _Unseen(*arguments, **options)
    if _HOOK is not None:
        return _HOOK(factory, arguments, options)
    return factory(*arguments, **options)
