"""Compiling registry files into tables: the slow road, taken when a file has changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from zoo_core.errors import RegistryFileError
from zoo_core.plugins.columns import SEPARATOR, Texts, joined, one_line, pack
from zoo_core.plugins.section import Section
from zoo_core.plugins.source import Source, SourceKind
from zoo_core.plugins.structure import sections
from zoo_core.plugins.yaml_file import read

_TABLES = """
CREATE TABLE key (key TEXT);
CREATE TABLE sections (id INTEGER PRIMARY KEY, source INTEGER, problem TEXT, foreign_to TEXT,
    models INTEGER, architectures INTEGER, namespace TEXT, distribution TEXT, summary TEXT,
    license TEXT, homepage TEXT, api INTEGER, hook_module TEXT, hooks TEXT, commands TEXT);
CREATE TABLE columns (section INTEGER PRIMARY KEY, names TEXT, summaries TEXT, provides BLOB,
    tags BLOB, datasets BLOB, parameters BLOB, statuses BLOB, architectures BLOB, aliases BLOB);
CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE models (name TEXT, architecture TEXT, section INTEGER);
CREATE TABLE architectures (name TEXT, summary TEXT, provides TEXT, target TEXT, section INTEGER);
CREATE TABLE names (name TEXT, stands_for TEXT, section INTEGER);
CREATE TABLE bodies (section INTEGER, kind TEXT, name TEXT, line INTEGER, body TEXT,
    PRIMARY KEY (section, kind, name)) WITHOUT ROWID;
"""
_INDICES = """
CREATE INDEX models_by_architecture ON models (architecture);
CREATE INDEX architectures_by_name ON architectures (name);
CREATE INDEX names_by_name ON names (name);
"""


def compiled(sources: Iterable[Source], key: str) -> sqlite3.Connection:
    """Read every file into tables in memory; one that can't be read is a section that says so."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.executescript(_TABLES)
    database.execute("INSERT INTO key VALUES (?)", (key,))
    texts = Texts()
    for position, source in enumerate(sources):
        for section in _sections(source):
            _insert(database, position, section, texts)
    rows = [(number, text) for text, number in texts.numbers.items()]
    database.executemany("INSERT INTO texts VALUES (?, ?)", rows)
    database.executescript(_INDICES)
    database.commit()
    return database


def _sections(source: Source) -> list[Section]:
    try:
        data = read(source.path)
        return sections(source.path, data, user=source.kind is SourceKind.USER)
    except RegistryFileError as error:
        return [Section(str(error))]
    except Exception as error:  # noqa: BLE001  one file must not stop the reading of the others
        return [Section(f"{source.path}: {type(error).__name__}: {error}")]


def _insert(database: sqlite3.Connection, source: int, found: Section, texts: Texts) -> None:
    unusable = found.problem or found.foreign
    models = {} if unusable else found.models
    architectures = {} if unusable else found.architectures
    row = database.execute(
        f"INSERT INTO sections VALUES (NULL{', ?' * 14})",
        (
            *(source, _printable(found.problem), _printable(found.foreign)),
            *(len(models), len(architectures), *_header(found.plugin, unusable is None)),
        ),
    )
    section = row.lastrowid
    columns = pack(dict(sorted(models.items())), texts)
    database.execute(f"INSERT INTO columns VALUES (?{', ?' * 9})", (section, *columns))
    rows = [(name, entry["architecture"], section) for name, entry in models.items()]
    database.executemany("INSERT INTO models VALUES (?, ?, ?)", rows)
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
    # Python's own notation: importing json takes as long as reading twenty files.
    rows = [(section, kind, n, lines[n], repr(entry)) for n, entry in entries.items()]
    database.executemany("INSERT INTO bodies VALUES (?, ?, ?, ?, ?)", rows)


def _header(plugin: dict[str, Any], checked: bool) -> Iterator[object]:
    """Give a plugin's part in columns: reading JSON would cost a listing 10 ms."""
    for key in ("namespace", "distribution", "summary", "license", "homepage"):
        yield _text(plugin, key)
    api = plugin.get("api")
    yield api if isinstance(api, int) else None
    hooks = plugin.get("hooks") if checked else None
    yield hooks["module"] if hooks else None
    yield joined(hooks, "implements") if hooks else ""
    commands = plugin.get("commands", {}) if checked else {}
    columns = [[name, entry["target"], entry["help"]] for name, entry in commands.items()]
    yield SEPARATOR.join(" ".join(cell.split()) for cells in columns for cell in cells)


def _text(plugin: dict[str, Any], key: str) -> str | None:
    value = plugin.get(key)
    return value if isinstance(value, str) else None


def _printable(text: str | None) -> str | None:
    """Escape what a path may hold that is no Unicode text."""
    return text and text.encode("utf-8", "backslashreplace").decode()


def _architecture(name: str, entry: dict[str, Any], section: int | None) -> tuple[Any, ...]:
    return (
        name,
        one_line(entry["summary"]),
        joined(entry, "provides"),
        entry["class"],
        section,
    )
