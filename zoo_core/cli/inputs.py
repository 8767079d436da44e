"""Data files on their way into tensors."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import click

from zoo_core.cli import text_files
from zoo_core.errors import DataError
from zoo_core.interfaces.documents import Documents

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.interfaces.ragged import Ragged
    from zoo_core.interfaces.space import Space

SUFFIXES = (".csv", ".npy", ".safetensors")


@final
@dataclass(frozen=True)
class Data:
    """Rows of a file; `conditions` are what its condition columns hold, if they were named."""

    x: Tensor | Ragged
    conditions: Any = None


def read_data(
    file: str,
    space: Space,
    condition_columns: Sequence[str] = (),
    documents: Documents = Documents.LINES,
) -> Data:
    """Read samples of a space; `documents` are those of a text file.

    Raises DataError or UsageError.
    """
    text = space.tokenizer is not None
    usual, allowed = (".txt", (*text_files.SUFFIXES, *SUFFIXES)) if text else (".csv", SUFFIXES)
    suffix = usual if file == "-" else Path(file).suffix.lower()
    if suffix not in allowed:
        raise click.UsageError(f"a data file ends in {', '.join(allowed)}, or is - for {usual[1:]}")
    with _reading(file):
        if suffix in text_files.SUFFIXES:
            return _from_texts(file, space, condition_columns, documents)
        if suffix == ".safetensors":
            return _from_tensors(file, space, condition_columns)
        if suffix == ".npy":
            return _from_array(file, space, condition_columns)
        return _from_csv(file, space, list(condition_columns))


def _from_texts(
    file: str, space: Space, condition_columns: Sequence[str], documents: Documents
) -> Data:
    if condition_columns:
        raise click.UsageError("a text file has no columns; give conditions by --condition")
    return Data(space.sequences(text_files.read_texts(file, documents)))


def _from_tensors(file: str, space: Space, condition_columns: Sequence[str]) -> Data:
    from safetensors import SafetensorError
    from safetensors.torch import load

    from zoo_core.interfaces.ragged import Ragged

    try:
        tensors = load(Path(file).read_bytes())
    except SafetensorError as error:
        raise DataError(f"{file} is a .safetensors file", received=str(error)) from None
    if len(condition_columns) > 1:
        raise click.UsageError("conditions are one tensor of a .safetensors file")
    absent = [name for name in condition_columns if name not in tensors]
    if absent:
        raise DataError(f"{file} has a tensor {absent[0]!r}", received=", ".join(tensors))
    conditions = tensors.pop(condition_columns[0]) if condition_columns else None
    if space.ragged:
        return Data(Ragged(_only(file, tensors, "values"), _only(file, tensors, "lengths")))
    name = "x" if len(tensors) != 1 else next(iter(tensors))
    return Data(_shaped(_only(file, tensors, name), space), conditions)


def _only(file: str, tensors: dict[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise DataError(
            f"{file} has a tensor {name!r}", received=", ".join(sorted(tensors)) or "no tensor"
        )
    return tensors[name]


def _from_array(file: str, space: Space, condition_columns: Sequence[str]) -> Data:
    import numpy as np
    import torch

    if condition_columns:
        raise click.UsageError("a .npy file has no columns; give conditions by a .csv file")
    try:
        array = np.load(file, allow_pickle=False)
    except ValueError as error:
        raise DataError(f"{file} is a .npy array of numbers", received=str(error)) from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise DataError(f"{file} is one .npy array of numbers", received=type(array).__name__)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    wide = native.astype(np.int64) if native.dtype.kind == "u" else native
    return Data(_shaped(torch.from_numpy(np.ascontiguousarray(wide)), space))


def _shaped(x: Tensor, space: Space) -> Tensor:
    """Give rows that were flattened their shape back."""
    if x.ndim == 2 and len(space.shape) != 1 and x.shape[1] == space.size:
        return x.reshape(len(x), *space.shape)
    return x


def _from_csv(file: str, space: Space, condition_columns: list[str]) -> Data:
    from zoo_core.exchange import columns, from_rows

    table = [row for row in csv.reader(_lines(file)) if row]
    if not table:
        raise DataError(f"{file} holds at least one row", received="an empty file")
    header = None if all(map(_is_number, table[0])) else [cell.strip() for cell in table.pop(0)]
    if header is None and condition_columns:
        raise DataError(f"{file} begins with a line of column names", received="numbers")
    if header is None:
        return Data(_sequences(table, space) if space.ragged else from_rows(space, table))
    absent = [name for name in condition_columns if name not in header]
    if absent:
        raise DataError(f"{file} has a column {absent[0]!r}", received=_shortened(header))
    _refuse_uneven(file, header, table)
    conditions = [[row[header.index(name)] for name in condition_columns] for row in table]
    kept = [i for i, name in enumerate(header) if name not in condition_columns]
    if space.ragged:
        return Data(_sequences([[row[i] for i in kept] for row in table], space))
    known = {header[i] for i in kept} == set(columns(space))
    rows: list[Any] = [
        {header[i]: row[i] for i in kept} if known or space.columns else [row[i] for i in kept]
        for row in table
    ]
    return Data(from_rows(space, rows), conditions if condition_columns else None)


def _refuse_uneven(file: str, header: list[str], table: list[list[str]]) -> None:
    for number, row in enumerate(table, start=1):
        if len(row) != len(header):
            raise DataError(
                f"Rows of {file} have {len(header)} cells, as many as its first line",
                received=f"{len(row)} in row {number}",
            )


def _sequences(table: list[list[str]], space: Space) -> Ragged:
    """Read steps, each after the number of its sequence."""
    from itertools import groupby

    from zoo_core.exchange import from_rows
    from zoo_core.interfaces.ragged import Ragged

    return Ragged.of(
        [
            from_rows(space, [row[1:] for row in steps])
            for _, steps in groupby(table, key=lambda row: row[0])
        ]
    )


def _lines(file: str) -> Iterator[str]:
    with click.open_file(file, encoding="utf-8-sig") as stream:
        yield from stream


def _shortened(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"


def _is_number(cell: str) -> bool:
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True


@contextmanager
def _reading(file: str) -> Iterator[None]:
    """Turn what the system says of a file into one line."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{file} can't be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is a CSV file in UTF-8", received=str(error)) from None
