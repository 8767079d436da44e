"""Compiling registry files into tables: the slow road, taken when a file has changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from zoo_core.errors import RegistryFileError
from zoo_core.plugins.section import Section
from zoo_core.plugins.source import Source, SourceKind
from zoo_core.plugins.structure import sections
from zoo_core.plugins.yaml_file import read

SEPARATOR = "\n"
"""Between the items of a list that is kept as text; no checked item holds one."""

_TABLES = """
CREATE TABLE key (key TEXT);
CREATE TABLE sections (id INTEGER PRIMARY KEY, source INTEGER, line INTEGER, plugin TEXT,
    namespace TEXT, distribution TEXT, problem TEXT, foreign_to TEXT, models INTEGER,
    architectures INTEGER);
CREATE TABLE models (name TEXT, summary TEXT, provides TEXT, tags TEXT, dataset TEXT,
    parameters INTEGER, status TEXT, architecture TEXT, aliases TEXT, section INTEGER);
CREATE TABLE architectures (name TEXT, summary TEXT, provides TEXT, target TEXT, section INTEGER);
CREATE TABLE names (name TEXT, stands_for TEXT, section INTEGER);
CREATE TABLE bodies (section INTEGER, kind TEXT, name TEXT, line INTEGER, body TEXT,
    PRIMARY KEY (section, kind, name)) WITHOUT ROWID;
"""
_INDICES = """
CREATE INDEX models_by_name ON models (name);
CREATE INDEX architectures_by_name ON architectures (name);
CREATE INDEX names_by_name ON names (name);
"""


def compiled(sources: Iterable[Source], key: str) -> sqlite3.Connection:
    """Read every file into tables in memory; one that can't be read is a section that says so."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.executescript(_TABLES)
    database.execute("INSERT INTO key VALUES (?)", (key,))
    for position, source in enumerate(sources):
        for section in _sections(source):
            _insert(database, position, section)
    database.executescript(_INDICES)
    database.commit()
    return database


def _sections(source: Source) -> list[Section]:
    try:
        data = read(source.path)
        return sections(source.path, data, user=source.kind is SourceKind.USER)
    except RegistryFileError as error:
        return [Section(1, problem=str(error))]
    except Exception as error:  # noqa: BLE001  one file must not stop the reading of the others
        return [Section(1, problem=f"{source.path}: {type(error).__name__}: {error}")]


def _insert(database: sqlite3.Connection, source: int, found: Section) -> None:
    unusable = found.problem or found.foreign
    models = {} if unusable else found.models
    architectures = {} if unusable else found.architectures
    row = database.execute(
        "INSERT INTO sections VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(source, found.line, json.dumps(found.plugin)),
            *(_text(found.plugin, "namespace"), _text(found.plugin, "distribution")),
            *(_printable(found.problem), _printable(found.foreign)),
            *(len(models), len(architectures)),
        ),
    )
    section = row.lastrowid
    rows = [_model(name, entry, section) for name, entry in models.items()]
    database.executemany("INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    rows = [_architecture(name, entry, section) for name, entry in architectures.items()]
    database.executemany("INSERT INTO architectures VALUES (?, ?, ?, ?, ?)", rows)
    rows = [
        (alias, name, section)
        for name, entry in models.items()
        for alias in [name, *entry.get("aliases", ())]
    ]
    database.executemany("INSERT INTO names VALUES (?, ?, ?)", rows)
    _insert_bodies(database, section, "model", models)
    _insert_bodies(database, section, "architecture", architectures)


def _insert_bodies(
    database: sqlite3.Connection, section: int | None, kind: str, entries: dict[str, Any]
) -> None:
    lines = entries.lines if entries else {}  # pyright: ignore[reportAttributeAccessIssue]
    rows = [(section, kind, n, lines[n], json.dumps(entry)) for n, entry in entries.items()]
    database.executemany("INSERT INTO bodies VALUES (?, ?, ?, ?, ?)", rows)


def _text(plugin: dict[str, Any], key: str) -> str | None:
    value = plugin.get(key)
    return value if isinstance(value, str) else None


def _printable(text: str | None) -> str | None:
    """Escape what a path may hold that is no Unicode text."""
    return text and text.encode("utf-8", "backslashreplace").decode()


def _joined(entry: dict[str, Any], key: str) -> str:
    return SEPARATOR.join(item.replace(SEPARATOR, " ") for item in entry.get(key, ()))


def _model(name: str, entry: dict[str, Any], section: int | None) -> tuple[Any, ...]:
    return (
        *(name, entry["summary"], _joined(entry, "provides"), _joined(entry, "tags")),
        *(entry.get("dataset"), entry.get("parameters"), entry.get("status", "stable")),
        *(entry["architecture"], _joined(entry, "aliases"), section),
    )


def _architecture(name: str, entry: dict[str, Any], section: int | None) -> tuple[Any, ...]:
    return (name, entry["summary"], _joined(entry, "provides"), entry["class"], section)
