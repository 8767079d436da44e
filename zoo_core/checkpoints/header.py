"""The header of a safetensors file, read with suspicion.

The format: 8 bytes of little-endian length n, n bytes of JSON, then the tensors' bytes without
holes. Sizes and counts are capped, duplicate names refused, and a name is never used as a path.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, final

import torch

from zoo_core.checkpoints.texts import unique_keys
from zoo_core.errors import FormatError, IntegrityError, UnsafeFileError

MAX_HEADER = 32 * 2**20
MAX_TENSORS = 100_000

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "C64": torch.complex64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
# torch.save writes a zip archive; older versions, and pickle itself, begin with a protocol mark.
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@final
@dataclass(frozen=True)
class TensorInfo:
    """One tensor as the header describes it; `start` and `stop` count from the file's begin."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int


@final
@dataclass(frozen=True)
class Header:
    """The tensors of a file in the order of their bytes, and the text that it carries."""

    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    begin: int
    size: int


def read_header(path: Path) -> Header:
    """Read and check the header of a file.

    Raises UnsafeFileError for a pickle, IntegrityError where the file's size isn't what the header
    promises, FormatError for anything else that isn't safetensors.
    """
    with path.open("rb") as file:
        return _read(file, os.fstat(file.fileno()).st_size, path)


def _read(file: BinaryIO, size: int, path: Path) -> Header:
    first = file.read(8)
    length = int.from_bytes(first, "little")
    fits = len(first) == 8 and 8 + length <= size
    # A good header's length may begin with the same bytes as a pickle, but then it fits.
    if not fits and first.startswith(_PICKLES):
        raise _pickle(path, "safetensors")
    if len(first) == 8 and length > MAX_HEADER:
        raise FormatError(
            f"{path.name} has a header of at most {MAX_HEADER} bytes",
            received=f"{length} in {path}",
            remedy="It is no safetensors file, or a hostile one.",
        )
    if not fits:
        raise truncated(path, 8 + length, size)
    text = file.read(length)
    entries = _parse(text, path)
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise malformed(path, "__metadata__ is not a mapping of text")
    if len(entries) > MAX_TENSORS:
        raise FormatError(
            f"{path.name} holds at most {MAX_TENSORS} tensors", received=f"{len(entries)} in {path}"
        )
    begin = 8 + length
    infos = [(name, _info(name, entry, begin, path)) for name, entry in entries.items()]
    infos.sort(key=lambda pair: (pair[1].start, pair[1].stop))
    _check_bytes(infos, begin, size, path)
    return Header(dict(infos), metadata, begin, size)


def refuse_pickle(path: Path) -> None:
    """Look at the first bytes of a file that is said to be text. Raises UnsafeFileError."""
    with path.open("rb") as file:
        if file.read(8).startswith(_PICKLES):
            raise _pickle(path, "text")


def _pickle(path: Path, kind: str) -> UnsafeFileError:
    return UnsafeFileError(
        f"{path.name} is {kind}; a pickle can run code and is never opened",
        received=f"a pickle or zip archive at {path}",
        remedy="Get the model from somebody who saves safetensors.",
    )


def _parse(text: bytes, path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(text.decode(), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise malformed(path, f"the header is not JSON ({error})") from None
    if not isinstance(entries, dict):
        raise malformed(path, "the header is not a mapping")
    return entries


def _info(name: str, entry: Any, begin: int, path: Path) -> TensorInfo:
    shown = f"tensor {name[:80]!r}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise malformed(path, f"{shown} lacks dtype, shape and data_offsets")
    shape, offsets, kind = entry["shape"], entry["data_offsets"], entry["dtype"]
    if not isinstance(kind, str) or kind not in DTYPES:
        raise malformed(path, f"{shown} has the unknown dtype {str(kind)[:20]!r}")
    if not _whole(shape) or not _whole(offsets) or len(offsets) != 2:
        raise malformed(path, f"{shown} has a wrong shape or wrong data_offsets")
    start, stop = offsets
    if stop - start != math.prod(shape) * DTYPES[kind].itemsize:
        raise malformed(path, f"{shown} has as many bytes as its shape needs, but {stop - start}")
    return TensorInfo(DTYPES[kind], tuple(shape), begin + start, begin + stop)


def _whole(values: Any) -> bool:
    # Python's bool is an int, JSON's true is no size.
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**48 for v in values)


def _check_bytes(infos: list[tuple[str, TensorInfo]], begin: int, size: int, path: Path) -> None:
    position = begin
    for name, info in infos:
        if info.start != position:
            raise malformed(path, f"the bytes of tensor {name[:80]!r} overlap or leave a hole")
        position = info.stop
    if position > size:
        raise truncated(path, position, size)
    if position < size:
        raise malformed(path, f"{size - position} bytes follow the last tensor")


def malformed(path: Path, what: str) -> FormatError:
    """Make the error for a file that isn't well-formed safetensors."""
    return FormatError(
        f"{path.name} is a well-formed safetensors file",
        received=f"{path}: {what}",
        remedy="Get the file again from where it came.",
    )


def truncated(path: Path, expected: int, size: int) -> IntegrityError:
    """Make the error for a file that ends too early."""
    return IntegrityError(
        f"{path.name} has all the bytes that its header promises",
        received=f"{size} bytes of at least {expected} in {path}; it is truncated",
        remedy="Get the file again from where it came.",
    )
