"""Parquet files, by pyarrow (the extra `parquet`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from zoo_core.errors import DataError, PluginMissingError
from zoo_core.interfaces.dataset import DataRequest
from zoo_core.interfaces.space import Space
from zoo_plugin_data.hashing import file_sha256
from zoo_plugin_data.labels import Cells
from zoo_plugin_data.opened import Opened
from zoo_plugin_data.tables import Chunk, Table, read_table, real_columns

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

_ROWS = 65536


def open_parquet(path: Path, request: DataRequest) -> Opened:
    """Open a Parquet file with scalar columns.

    Only the columns that are needed are read, in one pass; what does not fit in memory goes to a
    temporary file as numbers. Raises DataError for the first problem, with its row.
    """
    read = read_table(ParquetTable(path), request)
    provenance = f"{path.name}, {len(read.rows)} rows"
    return Opened(read.rows, read.space, file_sha256(path), provenance, read.classes)


@final
class ParquetTable(Table):
    """The columns of a Parquet file."""

    def __init__(self, path: Path) -> None:
        self.file = path.name
        try:
            import pyarrow as arrow
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise PluginMissingError(
                f"Reading {self.file} needs pyarrow",
                remedy="Run: pip install 'zoo-plugin-data[parquet]'",
            ) from None
        try:
            self._parquet = ParquetFile(path)
        except (arrow.ArrowException, OSError) as error:
            raise DataError(
                f"{self.file} is a Parquet file", received=str(error).splitlines()[0]
            ) from None
        self._failures = (arrow.ArrowException, OSError)
        self.names = tuple(self._parquet.schema_arrow.names)

    def space(self, names: Sequence[str]) -> Space:
        """Give the space of rows of numbers."""
        return real_columns(names)

    def chunks(self, names: Sequence[str]) -> Iterator[Chunk]:
        """Go through the rows once. Raises DataError where there is none, or bytes are missing."""
        first = 0
        batches = self._parquet.iter_batches(_ROWS, columns=list(names))
        while (batch := self._next(batches, first)) is not None:
            if len(batch):
                columns = {name: self._cells(batch, name) for name in names}
                yield Chunk(columns, lambda row, first=first: self._place(first + row))
            first += len(batch)
        if first == 0:
            raise DataError(f"{self.file} holds at least one row", received="none")

    def _place(self, row: int) -> str:
        return f"row {row + 1} of {self.file}"

    def _next(self, batches: Iterator[Any], first: int) -> Any:
        try:
            return next(batches, None)
        except self._failures as error:
            raise DataError(
                f"{self.file} is a whole Parquet file",
                received=f"{str(error).splitlines()[0]} after row {first}",
            ) from None

    def _cells(self, batch: Any, name: str) -> Cells:
        import pyarrow.types as types

        column: ChunkedArray = batch.column(name)
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        kind = column.type
        if types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind):
            plain = column.to_numpy(zero_copy_only=False)
            if plain.dtype != object:
                return plain
            return np.array([np.nan if cell is None else cell for cell in plain], dtype=np.float64)
        if types.is_string(kind) or types.is_large_string(kind) or types.is_decimal(kind):
            return column.to_pylist()
        raise DataError(
            f"A column of {self.file} holds numbers, truth values or text",
            received=f"{kind} in column {name!r}",
            remedy="Name the data columns without it.",
        )
