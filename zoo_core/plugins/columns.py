"""The models of a section in columns: what a listing of ten thousand reads in a few milliseconds.

Rows of a table would take ten times as long, for each cell is a call and most texts stand in many
rows. So names and summaries are one text each, and the rest are numbers of texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, final

SEPARATOR = "\n"
"""Between the items of a list that is kept as text; no item holds one."""


@final
class Texts:
    """Texts by number; None has the number 0."""

    def __init__(self) -> None:
        self.numbers: dict[str | None, int] = {None: 0}

    def number(self, text: str | None) -> int:
        """Give the number of a text, new or known."""
        return self.numbers.setdefault(text, len(self.numbers))


class Columns(NamedTuple):
    """The models of a section, sorted by name; all but three columns are numbers of texts."""

    names: list[str]
    summaries: list[str]
    provides: Sequence[int]
    tags: Sequence[int]
    datasets: Sequence[int]
    parameters: Iterable[int | None]
    statuses: Sequence[int]
    architectures: Sequence[int]
    aliases: Sequence[int]


def one_line(text: str) -> str:
    """Put a text on one line."""
    return " ".join(text.split())


def joined(entry: Mapping[str, Any], key: str) -> str:
    """Put a list of texts, which may be missing, into one text."""
    return SEPARATOR.join(one_line(item) for item in entry.get(key, ()))


def pack(models: Mapping[str, Mapping[str, Any]], texts: Texts) -> Iterator[str | bytes]:
    """Give the columns of models as they are kept."""
    entries = models.values()
    yield SEPARATOR.join(models)
    yield SEPARATOR.join(one_line(entry["summary"]) for entry in entries)
    yield _packed(texts.number(joined(entry, "provides")) for entry in entries)
    yield _packed(texts.number(joined(entry, "tags")) for entry in entries)
    yield _packed(texts.number(entry.get("dataset")) for entry in entries)
    yield _packed(entry.get("parameters", -1) for entry in entries)
    yield _packed(texts.number(entry.get("status", "stable")) for entry in entries)
    yield _packed(texts.number(entry["architecture"]) for entry in entries)
    yield _packed(texts.number(joined(entry, "aliases")) for entry in entries)


def unpack(row: Sequence[Any]) -> tuple[int, Columns]:
    """Undo `pack`, for a row that begins with its section's number."""
    section, names, summaries, *numbers = row
    provides, tags, datasets, parameters, statuses, architectures, aliases = map(_unpacked, numbers)
    return section, Columns(
        names.split(SEPARATOR),
        summaries.split(SEPARATOR),
        *(provides, tags, datasets, [n if n >= 0 else None for n in parameters]),
        *(statuses, architectures, aliases),
    )


def _packed(numbers: Iterable[int]) -> bytes:
    return array("q", numbers).tobytes()


def _unpacked(data: bytes) -> array[int]:
    numbers = array("q")
    numbers.frombytes(data)
    return numbers
