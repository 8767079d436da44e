"""The columns of a Hugging Face data set as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np
from PIL import Image

from zoo_core.errors import DataError
from zoo_core.interfaces.space import Space
from zoo_plugin_data.arrays import array_space
from zoo_plugin_data.labels import Cells
from zoo_plugin_data.pictures import picture_space, pixels
from zoo_plugin_data.tables import Chunk, Table, real_columns

_ROWS = 1000
_PICTURES = 100


@final
class HuggingFaceTable(Table):
    """Columns of numbers, text, classes; one of pictures, or of arrays of one shape."""

    def __init__(self, rows: Any, name: str) -> None:
        if len(rows) == 0:
            raise DataError(f"{name} holds at least one row", received="none")
        self.file, self._rows = name, rows
        self.names = tuple(rows.column_names)

    def space(self, names: Sequence[str]) -> Space:
        """Give the space of some columns: one of pictures or arrays, else numbers."""
        first = self._rows[0]
        if len(names) == 1 and isinstance(first[names[0]], Image.Image):
            return picture_space(first[names[0]], f"row 1 of {self.file}")
        if len(names) == 1 and isinstance(first[names[0]], list):
            return array_space(self._stacked([first[names[0]]], names[0], 0), None, self.file)
        return real_columns(names)

    def chunks(self, names: Sequence[str]) -> Iterator[Chunk]:
        """Go through the rows once."""
        chosen = self._rows.select_columns(list(names))
        pictures = any(isinstance(cell, Image.Image) for cell in chosen[0].values())
        first = 0
        for part in chosen.iter(_PICTURES if pictures else _ROWS):
            columns = {name: self._cells(part[name], name, first) for name in names}
            yield Chunk(columns, lambda row, first=first: f"row {first + row + 1} of {self.file}")
            first += len(part[names[0]])

    def _cells(self, cells: list[Any], name: str, first: int) -> Cells:
        if isinstance(cells[0], Image.Image):
            return self._pictures(cells, first)
        if isinstance(cells[0], list):
            return self._stacked(cells, name, first)
        import datasets

        feature = self._rows.features[name]
        if isinstance(feature, datasets.ClassLabel):
            names = feature.names
            return [names[code] if code is not None and code >= 0 else None for code in cells]
        return cells

    def _pictures(self, images: list[Any], first: int) -> np.ndarray:
        space = picture_space(self._rows[0][self._picture_column()], f"row 1 of {self.file}")
        for row, image in enumerate(images, start=first + 1):
            found = None if image is None else picture_space(image, f"row {row} of {self.file}")
            if found != space:
                raise DataError(
                    f"All pictures of {self.file} are like the first: {space}",
                    received=f"{found or 'none'} in row {row}",
                    remedy="Resize or convert them beforehand.",
                )
        return pixels(space, images).numpy()

    def _picture_column(self) -> str:
        first = self._rows[0]
        return next(name for name in self.names if isinstance(first[name], Image.Image))

    def _stacked(self, cells: list[Any], name: str, first: int) -> np.ndarray:
        try:
            return np.array(cells, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"The arrays in column {name!r} of {self.file} are numbers, all of one shape",
                received=f"{error} in rows {first + 1} … {first + len(cells)}",
            ) from None
