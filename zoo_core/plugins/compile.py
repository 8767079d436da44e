"""Compiling registry files into tables: the slow road, taken when a file has changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, final

from zoo_core.errors import RegistryFileError
from zoo_core.plugins.section import Section
from zoo_core.plugins.source import Source, SourceKind
from zoo_core.plugins.structure import sections
from zoo_core.plugins.yaml_file import read

SEPARATOR = "\n"
"""Between the items of a list that is kept as text; no checked item holds one."""

_TABLES = """
CREATE TABLE key (key TEXT);
CREATE TABLE sections (id INTEGER PRIMARY KEY, source INTEGER, problem TEXT, foreign_to TEXT,
    models INTEGER, architectures INTEGER, namespace TEXT, distribution TEXT, summary TEXT,
    license TEXT, homepage TEXT, api INTEGER, hook_module TEXT, hooks TEXT, commands TEXT);
CREATE TABLE models (name TEXT, summary TEXT, provides INTEGER, tags INTEGER, dataset INTEGER,
    parameters INTEGER, status INTEGER, architecture INTEGER, aliases INTEGER, section INTEGER);
CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT);
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


@final
class Texts:
    """Texts that stand in many rows, by number: that is a third of a listing's time."""

    def __init__(self) -> None:
        self.numbers: dict[str | None, int] = {None: 0}

    def number(self, text: str | None) -> int:
        """Give the number of a text, new or known; None has number 0."""
        return self.numbers.setdefault(text, len(self.numbers))


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
        return [Section(1, problem=str(error))]
    except Exception as error:  # noqa: BLE001  one file must not stop the reading of the others
        return [Section(1, problem=f"{source.path}: {type(error).__name__}: {error}")]


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
    rows = [_model(name, entry, section, texts) for name, entry in sorted(models.items())]
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


def _header(plugin: dict[str, Any], checked: bool) -> Iterator[object]:
    """Give a plugin's part in columns: reading JSON would cost a listing 10 ms."""
    for key in ("namespace", "distribution", "summary", "license", "homepage"):
        yield _text(plugin, key)
    api = plugin.get("api")
    yield api if isinstance(api, int) else None
    hooks = plugin.get("hooks") if checked else None
    yield hooks["module"] if hooks else None
    yield _joined(hooks, "implements") if hooks else ""
    commands = plugin.get("commands", {}) if checked else {}
    columns = [[name, entry["target"], entry["help"]] for name, entry in commands.items()]
    yield SEPARATOR.join(" ".join(cell.split()) for cells in columns for cell in cells)


def _text(plugin: dict[str, Any], key: str) -> str | None:
    value = plugin.get(key)
    return value if isinstance(value, str) else None


def _printable(text: str | None) -> str | None:
    """Escape what a path may hold that is no Unicode text."""
    return text and text.encode("utf-8", "backslashreplace").decode()


def _joined(entry: dict[str, Any], key: str) -> str:
    return SEPARATOR.join(item.replace(SEPARATOR, " ") for item in entry.get(key, ()))


def _model(name: str, entry: dict[str, Any], section: int | None, texts: Texts) -> tuple[Any, ...]:
    number = texts.number
    return (
        *(name, " ".join(entry["summary"].split()), number(_joined(entry, "provides"))),
        *(number(_joined(entry, "tags")), number(entry.get("dataset")), entry.get("parameters")),
        *(number(entry.get("status", "stable")), number(entry["architecture"])),
        *(number(_joined(entry, "aliases")), section),
    )


def _architecture(name: str, entry: dict[str, Any], section: int | None) -> tuple[Any, ...]:
    return (
        name,
        " ".join(entry["summary"].split()),
        _joined(entry, "provides"),
        entry["class"],
        section,
    )
