"""The compiled index: tables of everything in the registry files in use, kept between runs.

It is keyed by path, size and time of every file, by the core's version and by its own layout,
published by rename and never changed, so it is read without locks. Where it can't be kept or read,
for whatever reason, the files are read instead: nothing depends on it but speed.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar, final

import zoo_core
from zoo_core.plugins.folders import cache_folder
from zoo_core.plugins.source import Source
from zoo_core.plugins.tables import TABLES

Record = TypeVar("Record")

_FORMAT = 6
"""Of what the cells hold; the layout of the tables is in the key by itself."""
_KEPT = 8


@final
class Catalogue:
    """Answers queries from the compiled index, or from the files where it is not to be had."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self.key = ascii(
            (_FORMAT, TABLES, sys.byteorder, zoo_core.__version__, zoo_core.API_VERSION, *sources)
        )
        self._database = self._opened() or self._rebuilt()

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query."""
        return self.records(tuple, sql, values)

    def records(
        self, make: Callable[[tuple[Any, ...]], Record], sql: str, values: Sequence[Any] = ()
    ) -> list[Record]:
        """Run a query and make records of its rows; an index that can't be read is made again."""
        try:
            return [make(row) for row in self._database.execute(sql, values)]
        except Exception:  # noqa: BLE001  a damaged file may hold anything
            self._database.close()
            self._database = self._rebuilt()
            return [make(row) for row in self._database.execute(sql, values)]

    def _path(self) -> str:
        # A name only: the index holds its whole key. hashlib takes 5 ms to import.
        digest = f"{zlib.crc32(self.key.encode()):08x}"
        return os.path.join(cache_folder(), "registry", f"{digest}.sqlite")

    def _opened(self) -> sqlite3.Connection | None:
        path = self._path()
        if not os.path.isfile(path):
            return None
        try:
            # Published by rename and never written again: no lock, no journal, no write access.
            url = f"file:{_url_path(path)}?mode=ro&immutable=1"
            database = sqlite3.connect(url, uri=True, check_same_thread=False)
            if database.execute("SELECT key FROM key").fetchall() == [(self.key,)]:
                return database
            database.close()
        except Exception:  # noqa: BLE001  a damaged file may hold anything
            pass
        return None

    def _rebuilt(self) -> sqlite3.Connection:
        from zoo_core.plugins.compile import compiled

        database = compiled(self._sources, self.key)
        with suppress(OSError, sqlite3.Error):
            _publish(database.serialize(), self._path())
        return database


def _url_path(path: str) -> str:
    """Write a path as SQLite's URIs want it."""
    for special, escaped in (("%", "%25"), ("?", "%3f"), ("#", "%23")):
        path = path.replace(special, escaped)
    return "/" + path.replace(os.sep, "/") if sys.platform == "win32" else path


def _publish(data: bytes, path: str) -> None:
    """Write beside and rename, so that no other process sees half an index."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    beside = f"{path}.{os.getpid()}"
    try:
        with open(beside, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.remove(beside)
    _prune(folder)


def _prune(folder: str) -> None:
    """Keep the newest few: every change of a file, and every environment, makes another."""
    files = [entry for entry in os.scandir(folder) if entry.is_file()]
    files.sort(key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
    for entry in files[_KEPT:]:
        os.remove(entry.path)
