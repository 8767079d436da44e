"""The current listing: made once, and again when something that it was made from has changed."""

from __future__ import annotations

import os
import sys

from zoo_core.plugins.listing import Listing
from zoo_core.plugins.source import Source
from zoo_core.plugins.user_files import user_folder

_VARIABLES = ("ZOO_DISABLE", "ZOO_PLUGINS", "ZOO_REGISTRY", "ZOO_HOME", "HOME")
_VARIABLES += ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA")

_last: tuple[object, Listing] | None = None


def listing() -> Listing:
    """Give the listing. A plugin installed or a file edited while Python runs is seen."""
    global _last
    surroundings, last = _surroundings(), _last
    if last is not None and last[0] == surroundings and _unchanged(last[1]):
        return last[1]
    found = Listing()
    _last = (surroundings, found)
    return found


def _unchanged(last: Listing) -> bool:
    return all(Source.of(s.kind, s.path) == s for s in last.sources)


def _surroundings() -> object:
    variables = tuple(os.environ.get(name) for name in _VARIABLES)
    return variables, tuple((folder, _time(folder)) for folder in (*sys.path, user_folder()))


def _time(folder: str) -> int:
    try:
        return os.stat(folder or os.curdir).st_mtime_ns
    except OSError:
        return 0
