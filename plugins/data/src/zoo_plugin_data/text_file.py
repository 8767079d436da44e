"""Text files: windows of characters."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_data.hashing import file_sha256
from zoo_plugin_data.matrix import as_samples
from zoo_plugin_data.opened import IN_MEMORY_BYTES, Opened

LENGTH = 64
"""How many characters a window has unless said otherwise."""

_BYTES = 2**22
_CODE_BYTES = 8


def open_text(path: Path, request: DataRequest) -> Opened:
    """Open a text file in UTF-8 as windows of `length` characters, one after the other.

    Characters are codes of the alphabet, which is that of the whole file, sorted; what is left
    at the end, too short for a window, is dropped. The splits are stretches of the text: the
    test is its end. Of a long text windows are read from disk when asked for. Where an alphabet
    is asked for, it is the one. Raises DataError for a character that isn't in it.
    """
    if request.condition or request.columns or request.weight:
        raise DataError(f"{path.name} is text", received="names of columns")
    length = request.length or _length_of(request.space) or LENGTH
    alphabet, starts = _index(path, length)
    if request.alphabet:
        alphabet = _wider(path, alphabet, request.alphabet)
    space = Space.categorical(len(alphabet), length)
    if request.space not in (None, space):
        raise DataError(
            f"{path.name} holds windows that are {space}",
            received=str(request.space),
            remedy="Use the text that the alphabet was taken from, and its length.",
        )
    rows: Batch | Rows = TextRows(path, starts, alphabet, space)
    if len(rows) * length * _CODE_BYTES <= IN_MEMORY_BYTES:
        rows = rows.take(torch.arange(len(rows)))
    provenance = f"{path.name}, {len(rows)} windows of {length} characters"
    return Opened(
        rows, space, file_sha256(path), provenance, alphabet=tuple(alphabet), in_order=True
    )


def _length_of(space: Space | None) -> int | None:
    """Give the length of the windows that a space is of."""
    windows = space is not None and space.kind is Kind.CATEGORICAL and len(space.shape) == 1
    return space.shape[0] if space is not None and windows else None


@final
class TextRows(Rows):
    """Windows of a text file, by the places of their first bytes."""

    def __init__(self, path: Path, starts: np.ndarray, alphabet: str, space: Space) -> None:
        self._path, self._starts, self._space = path, starts, space
        self._points = np.frombuffer(alphabet.encode("utf-32-le"), np.uint32)

    def __len__(self) -> int:
        """How many windows there are."""
        return len(self._starts) - 1

    def take(self, rows: Int[Tensor, " k"]) -> Batch:
        """Read windows as codes `[k, length]`."""
        pieces = []
        with self._path.open("rb") as stream:
            for row in rows.tolist():
                stream.seek(int(self._starts[row]))
                pieces.append(stream.read(int(self._starts[row + 1] - self._starts[row])))
        text = b"".join(pieces).decode("utf-8")
        codes = text_codes(text, self._points).reshape(len(rows), -1)
        return Batch(as_samples(codes, self._space))


def text_codes(text: str, points: np.ndarray) -> np.ndarray:
    """Give the place of each character in a sorted alphabet of code points."""
    return np.searchsorted(points, np.frombuffer(text.encode("utf-32-le"), np.uint32))


def _wider(path: Path, found: str, alphabet: tuple[str, ...]) -> str:
    unknown = sorted(set(found) - set(alphabet))
    if unknown or list(alphabet) != sorted(set(alphabet)):
        raise DataError(
            f"{path.name} holds characters of the alphabet that was given, which is sorted",
            received=", ".join(map(repr, unknown[:8])) or "an alphabet in another order",
            remedy="Take them out, or take the alphabet from all of the text.",
        )
    return "".join(alphabet)


def _index(path: Path, length: int) -> tuple[str, np.ndarray]:
    """Go through the text once: its alphabet, and the first byte of each window and of the rest."""
    characters: set[str] = set()
    starts, offset, count = [], 0, 0
    for data, text in decoded(path):
        characters |= set(text)
        # A byte that begins a character is no 10xxxxxx.
        begins = np.flatnonzero((np.frombuffer(data, np.uint8) & 0xC0) != 0x80)
        starts.append(offset + begins[-count % length :: length])
        offset, count = offset + len(data), count + len(begins)
    if count < length:
        raise DataError(
            f"{path.name} holds at least one window of {length} characters",
            received=f"{count} characters" if count else "an empty file",
        )
    places = np.concatenate([*starts, [offset]]).astype(np.int64)
    return "".join(sorted(characters)), places[: count // length + 1]


def decoded(path: Path) -> Iterator[tuple[bytes, str]]:
    """Give pieces of the file as bytes and as text; a character may be cut by their border."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with path.open("rb") as stream:
        while True:
            data = stream.read(_BYTES)
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                raise DataError(
                    f"{path.name} is text in UTF-8",
                    received=f"the byte 0x{error.object[error.start]:02x} in line {line}",
                    remedy="Save it as UTF-8.",
                ) from None
            if not data:
                return
            line += data.count(b"\n")
            yield data, text
