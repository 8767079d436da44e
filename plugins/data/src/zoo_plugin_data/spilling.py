"""Arrays that grow row by row: in memory, and in a temporary file when they get large."""

from __future__ import annotations

import tempfile
from typing import Any, final

import numpy as np

from zoo_core.errors import DataError
from zoo_plugin_data.opened import IN_MEMORY_BYTES


@final
class Spilling:
    """Collects rows `[n, …]`. Beyond a limit they go to a file without a name.

    The file lies in the system's folder for temporary files (TMPDIR) and vanishes with the
    process.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = IN_MEMORY_BYTES if most is None else most
        self._chunks: list[np.ndarray] = []
        self._bytes, self._rows = 0, 0
        self._file: Any = None

    @property
    def on_disk(self) -> bool:
        """Whether the rows have gone to the file."""
        return self._file is not None

    def append(self, rows: np.ndarray) -> None:
        """Add rows, all of one shape and type."""
        self._bytes, self._rows = self._bytes + rows.nbytes, self._rows + len(rows)
        if self._file is None:
            self._chunks.append(rows)
            if self._bytes > self._most:
                self._spill()
        else:
            self._write(rows)

    def array(self) -> np.ndarray:
        """Give all rows, mapped where they are in the file."""
        if self._file is None:
            return np.concatenate(self._chunks)
        first = self._chunks[0]
        shape = (self._rows, *first.shape[1:])
        return np.memmap(self._file, dtype=first.dtype, mode="r", shape=shape)

    def _spill(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="zoo-rows-")  # noqa: SIM115  lives as long as this
        for chunk in self._chunks:
            self._write(chunk)
        self._chunks = [self._chunks[0][:0]]

    def _write(self, rows: np.ndarray) -> None:
        try:
            self._file.write(np.ascontiguousarray(rows).data)
            self._file.flush()
        except OSError as error:
            raise DataError(
                f"{tempfile.gettempdir()} has room for a table that is larger than memory",
                received=error.strerror or error,
                remedy="Name a folder with more room in TMPDIR, or write the table as .npy.",
            ) from None
