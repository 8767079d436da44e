"""The current listing: made once, and again when something that it was made from has changed."""

from __future__ import annotations

import os
import sys
from threading import Lock

from zoo_core.plugins.listing import Listing
from zoo_core.plugins.source import Source

_VARIABLES = ("ZOO_DISABLE", "ZOO_PLUGINS", "ZOO_REGISTRY", "ZOO_HOME", "HOME")
_VARIABLES += ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA")

_lock = Lock()
_last: tuple[object, Listing] | None = None


def listing() -> Listing:
    """Give the listing. A plugin installed or a file edited while Python runs is seen."""
    global _last
    with _lock:
        surroundings = _surroundings()
        if _last is not None and _last[0] == surroundings and _unchanged(_last[1]):
            return _last[1]
        _last = (surroundings, Listing())
        return _last[1]


def _unchanged(last: Listing) -> bool:
    return all(Source.of(s.kind, s.path) == s for s in last.sources)


def _surroundings() -> object:
    variables = tuple(os.environ.get(name) for name in _VARIABLES)
    return variables, tuple((folder, _time(folder)) for folder in sys.path)


def _time(folder: str) -> int:
    try:
        return os.stat(folder or os.curdir).st_mtime_ns
    except OSError:
        return 0
