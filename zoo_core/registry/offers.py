"""What the current listing offers: rows of the compiled index, with whether they can be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import Any, final

from zoo_core.plugins.columns import SEPARATOR, Columns, unpack
from zoo_core.plugins.current import listing
from zoo_core.plugins.listing import Listing
from zoo_core.plugins.names import namespace_of
from zoo_core.registry.records import ArchitectureInfo, FormatInfo, Mark, ModelInfo, ModelSummary

# What ModelSummary._make does, without a call of Python's own for each row.
_summary: Callable[[Iterable[Any]], ModelSummary] = partial(tuple.__new__, ModelSummary)


@final
class Offers:
    """Reads models and architectures of the sections that count."""

    def __init__(self, current: Listing | None = None) -> None:
        self._listing = current or listing()
        self._query = self._listing.catalogue.query
        self._records = self._listing.catalogue.records
        self._offers = self._listing.offers
        self._taken = set(self._listing.owners) | {p.namespace for p in self._listing.plugins}

    def models(self) -> list[ModelSummary]:
        """List every model, sorted by name."""
        texts = dict(self._query("SELECT id, text FROM texts"))
        lists = {n: tuple(text.split(SEPARATOR)) if text else () for n, text in texts.items()}
        found: list[ModelSummary] = []
        sql = "SELECT * FROM columns WHERE names != '' ORDER BY section"
        for section, columns in self._records(unpack, sql):
            if section in self._offers:
                found += self._summaries(section, columns, texts, lists)
        if any(offer.distribution is None for offer in self._offers.values()):
            found = self._without_refused(found)
        found.sort()
        return found

    def _summaries(
        self,
        section: int,
        columns: Columns,
        texts: dict[int, Any],
        lists: dict[int, tuple[str, ...]],
    ) -> Iterator[ModelSummary]:
        """Zip a section's columns into rows."""
        of = columns.architectures
        usable = {n: self._usable(namespace_of(texts[n]), section) for n in set(of)}
        rows = zip(
            columns.names,
            columns.summaries,
            map(lists.__getitem__, columns.provides),
            map(lists.__getitem__, columns.tags),
            map(texts.__getitem__, columns.datasets),
            columns.parameters,
            map(texts.__getitem__, columns.statuses),
            map(texts.__getitem__, of),
            map(lists.__getitem__, columns.aliases),
            repeat(self._offers[section].distribution),
            map({n: u[1] for n, u in usable.items()}.__getitem__, of),
            map({n: u[2] for n, u in usable.items()}.__getitem__, of),
            strict=False,
        )
        return map(_summary, rows)

    def _without_refused(self, found: list[ModelSummary]) -> list[ModelSummary]:
        """Leave out user's entries in a plugin's namespace, and all but the first of a name."""
        first: dict[str, ModelSummary] = {}
        for model in found:
            if model.distribution is not None or namespace_of(model.name) not in self._taken:
                first.setdefault(model.name, model)
        return list(first.values())

    def architectures(self) -> list[ArchitectureInfo]:
        """List every architecture, sorted by name, without its models."""
        rows = self._query("SELECT name, section FROM architectures ORDER BY name, section")
        found: dict[str, ArchitectureInfo] = {}
        for name, section in rows:
            if section in self._offers and self._allowed(name, section) and name not in found:
                found[name] = self._architecture(name, section)
        return list(found.values())

    def model(self, name: str) -> ModelInfo | None:
        """Give one model, by name or alias."""
        sql = "SELECT stands_for, section FROM names WHERE name = ? ORDER BY section"
        for stands_for, section in self._query(sql, (name,)):
            if section in self._offers and self._allowed(name, section):
                return self._model(stands_for, section)
        return None

    def architecture(self, name: str) -> ArchitectureInfo | None:
        """Give one architecture, with the names of its models."""
        sql = "SELECT section FROM architectures WHERE name = ? ORDER BY section"
        for (section,) in self._query(sql, (name,)):
            if section in self._offers and self._allowed(name, section):
                return self._architecture(name, section)
        return None

    def formats(self) -> list[FormatInfo]:
        """List the formats that plugins read, sorted by name."""
        rows = self._query("SELECT * FROM formats ORDER BY name, section")
        return [self._format(*row) for row in rows if row[-1] in self._offers]

    def _format(
        self, name: str, namespace: str, summary: str, provides: str, marks: str, section: int
    ) -> FormatInfo:
        cells = marks.split(SEPARATOR)
        found = tuple(map(Mark, cells[::2], cells[1::2]))
        usable = self._usable(namespace, section)
        interfaces = tuple(provides.split(SEPARATOR)) if provides else ()
        return FormatInfo(name, summary, interfaces, found, namespace, *usable)

    def names(self) -> list[str]:
        """List all names and aliases."""
        sql = "SELECT name, section FROM names UNION SELECT name, section FROM architectures"
        rows = self._query(sql)
        return sorted({n for n, s in rows if s in self._offers and self._allowed(n, s)})

    def models_of(self, architecture: str) -> tuple[str, ...]:
        """List the names of the models of an architecture."""
        sql = "SELECT name, section FROM models WHERE architecture = ? ORDER BY name"
        rows = self._query(sql, (architecture,))
        return tuple(dict.fromkeys(n for n, section in rows if section in self._offers))

    def refused(self) -> list[tuple[str, str, int]]:
        """List the user's own entries that stand in a plugin's namespace: message, path, line."""
        sql = "SELECT name, section, line FROM bodies ORDER BY section, line"
        return [
            (f"{name}: the namespace {namespace_of(name)}/ is a plugin's.", offer.path, line)
            for name, section, line in self._query(sql)
            if (offer := self._offers.get(section)) and not self._allowed(name, section)
        ]

    def _allowed(self, name: str, section: int) -> bool:
        """A user's own entries never stand in for a plugin's."""
        offer = self._offers[section]
        return offer.distribution is not None or namespace_of(name) not in self._taken

    def _usable(self, namespace: str, section: int) -> tuple[str | None, bool, str | None]:
        """Say whose a row is, whether the plugin of its architecture is here, how to get it."""
        offer = self._offers[section]
        here = offer.plugin is not None or offer.distribution is None
        if here and (namespace in self._listing.by_namespace or namespace not in self._taken):
            return offer.distribution, True, None
        missing = self.missing(namespace)
        return offer.distribution, False, None if missing is None else f"pip install {missing}"

    def missing(self, namespace: str) -> str | None:
        """Give the distribution that would bring a namespace; None if it is here in any state."""
        if any(plugin.namespace == namespace for plugin in self._listing.plugins):
            return None
        return self._listing.owners.get(namespace)

    def _body(self, kind: str, name: str, section: int) -> tuple[dict[str, Any], int]:
        from ast import literal_eval

        sql = "SELECT body, line FROM bodies WHERE section = ? AND kind = ? AND name = ?"
        (found,) = self._records(
            lambda row: (literal_eval(row[0]), row[1]), sql, (section, kind, name)
        )
        return found

    def _model(self, name: str, section: int) -> ModelInfo:
        body, line = self._body("model", name, section)
        usable = self._usable(namespace_of(body["architecture"]), section)
        return ModelInfo(name, body, *usable, self._offers[section].path, line)

    def _architecture(self, name: str, section: int) -> ArchitectureInfo:
        body, line = self._body("architecture", name, section)
        return ArchitectureInfo(
            *(name, body["summary"], tuple(body["provides"]), body["class"], body.get("tiny", {})),
            *self._usable(namespace_of(name), section),
            *(self._offers[section].path, line, self.models_of(name)),
            *(tuple(body.get("dtypes", ())), body.get("expected_failures", {})),
        )
