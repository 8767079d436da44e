"""CSV files: text with a header, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import final

from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import DataRequest
from zoo_core.interfaces.space import Space
from zoo_plugin_data.hashing import file_sha256
from zoo_plugin_data.opened import Opened
from zoo_plugin_data.tables import Chunk, Table, read_table, real_columns

_ROWS = 4096
_SEPARATORS = (",", ";", "\t")


def open_csv(path: Path, request: DataRequest) -> Opened:
    """Open a CSV file; its first line names the columns, which are x0, x1, … without one.

    Read in one pass: what does not fit in memory goes to a temporary file as numbers. Raises
    DataError for the first problem, with its line.
    """
    read = read_table(CsvTable(path), request)
    provenance = f"{path.name}, {len(read.rows)} rows"
    return Opened(read.rows, read.space, file_sha256(path), provenance, read.classes)


@final
class CsvTable(Table):
    """The lines of a CSV file."""

    def __init__(self, path: Path) -> None:
        self.file, self._path = path.name, path
        self._separator = _separator(path)
        first = next(self._records(), None)
        if first is None:
            raise DataError(f"{self.file} holds at least one row", received="an empty file")
        self._has_header = not all(map(_is_number, first[1]))
        self.names = self._header(first[1])

    def space(self, names: Sequence[str]) -> Space:
        """Give the space of rows of numbers."""
        return real_columns(names)

    def chunks(self, names: Sequence[str]) -> Iterator[Chunk]:
        """Go through the rows once. Raises DataError for a row of another length, or for none."""
        records = islice(self._records(), int(self._has_header), None)
        at = [self.names.index(name) for name in names]
        empty = True
        while part := list(islice(records, _ROWS)):
            empty = False
            self._refuse_uneven(part)
            lines = [line for line, _ in part]
            cells = list(zip(*(row for _, row in part), strict=True))
            columns = {name: cells[i] for name, i in zip(names, at, strict=True)}
            yield Chunk(columns, lambda row, lines=lines: f"line {lines[row]} of {self.file}")
        if empty:
            raise DataError(f"{self.file} holds at least one row", received="only a header")

    def _header(self, first: list[str]) -> tuple[str, ...]:
        if not self._has_header:
            return tuple(f"x{i}" for i in range(len(first)))
        names = tuple(cell.strip() for cell in first)
        if "" in names:
            raise DataError(
                f"The first line of {self.file} names every column",
                received=f"no name for column {names.index('') + 1} of {len(names)}",
                remedy="Name it; a data frame is written by to_csv(…, index=False).",
            )
        return names

    def _refuse_uneven(self, part: list[tuple[int, list[str]]]) -> None:
        for line, row in part:
            if len(row) != len(self.names):
                raise DataError(
                    f"Rows of {self.file} have {len(self.names)} cells, as many as its first",
                    received=f"{len(row)} in line {line}",
                    remedy="Mend that line; a cell with a separator in it stands in quotes.",
                )

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Give each record that isn't blank, after the number of its first line."""
        with self._path.open("rb") as stream:
            reader = csv.reader(_decoded(stream, self.file), delimiter=self._separator)
            line = 1
            try:
                for row in reader:
                    if row:
                        yield line, row
                    line = reader.line_num + 1
            except csv.Error as error:
                raise DataError(
                    f"{self.file} is a CSV file", received=f"{error} in line {reader.line_num}"
                ) from None


def _decoded(lines: Iterator[bytes], file: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file} is text in UTF-8",
                received=f"the byte 0x{line[error.start]:02x} in line {number}",
                remedy="Save it as UTF-8.",
            ) from None


def _separator(path: Path) -> str:
    """Choose the separator that the first line has most of; commas where there is none."""
    with path.open("rb") as stream:
        first = stream.readline().decode("utf-8", errors="replace")
    unquoted = "".join(first.split('"')[::2])
    return max(_SEPARATORS, key=unquoted.count)


def _is_number(cell: str) -> bool:
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True
