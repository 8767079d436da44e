"""Compiling registry files into tables: the slow road, taken when a file has changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, final

from zoo_core.errors import RegistryFileError
from zoo_core.plugins.columns import SEPARATOR, Texts, joined, one_line, pack
from zoo_core.plugins.section import Section
from zoo_core.plugins.source import Source, SourceKind
from zoo_core.plugins.structure import sections
from zoo_core.plugins.tables import INDICES, TABLES
from zoo_core.plugins.yaml_file import read


def compiled(sources: Iterable[Source], key: str) -> sqlite3.Connection:
    """Read every file into tables in memory; one that can't be read is a section that says so."""
    rows = _Rows()
    for position, source in enumerate(sources):
        for section in _sections(source):
            rows.add(position, section)
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.executescript(TABLES)
    database.execute("INSERT INTO key VALUES (?)", (key,))
    for table, found in rows.of_tables():
        if found:
            marks = ", ".join("?" * len(found[0]))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", found)
    database.executescript(INDICES)
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


@final
class _Rows:
    """The rows of each table; inserting them at once is faster than section by section."""

    def __init__(self) -> None:
        self._sections: list[tuple[Any, ...]] = []
        self._columns: list[tuple[Any, ...]] = []
        self._models: list[tuple[Any, ...]] = []
        self._architectures: list[tuple[Any, ...]] = []
        self._formats: list[tuple[Any, ...]] = []
        self._names: list[tuple[Any, ...]] = []
        self._bodies: list[tuple[Any, ...]] = []
        self._texts = Texts()

    def add(self, source: int, found: Section) -> None:
        """Add a section of the file with this number."""
        usable = not (found.problem or found.foreign)
        models = found.models if usable else {}
        architectures = found.architectures if usable else {}
        formats = found.formats if usable else {}
        section = len(self._sections) + 1
        header = tuple(_header(found.plugin, usable))
        reasons = _printable(found.problem), _printable(found.foreign)
        self._sections.append((section, source, *reasons, len(models), len(architectures), *header))
        self._columns.append((section, *pack(dict(sorted(models.items())), self._texts)))
        self._architectures += [(name, section) for name in architectures]
        for name, entry in models.items():
            self._models.append((name, entry["architecture"], section))
            self._names += [(alias, name, section) for alias in [name, *entry.get("aliases", ())]]
        self._formats += [_format(n, e, header[0], section) for n, e in formats.items()]
        self._add_bodies(section, "model", models)
        self._add_bodies(section, "architecture", architectures)

    def _add_bodies(self, section: int, kind: str, entries: dict[str, Any]) -> None:
        lines = entries.lines if entries else {}  # pyright: ignore[reportAttributeAccessIssue]
        # Python's own notation: importing json takes as long as reading twenty files.
        self._bodies += [(section, kind, n, lines[n], repr(entry)) for n, entry in entries.items()]

    def of_tables(self) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
        """Give each table's name with its rows, of which there may be none."""
        yield "sections", self._sections
        yield "columns", self._columns
        yield "models", self._models
        yield "architectures", self._architectures
        yield "formats", self._formats
        yield "names", self._names
        yield "bodies", self._bodies
        yield "texts", [(number, text) for text, number in self._texts.numbers.items()]


def _format(name: str, entry: dict[str, Any], namespace: object, section: int) -> tuple[Any, ...]:
    marks = [text for mark in entry["marks"] for text in (mark["file"], mark["key"])]
    columns = joined(entry, "provides"), joined({"marks": marks}, "marks")
    return (name, namespace, one_line(entry["summary"]), *columns, section)


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
