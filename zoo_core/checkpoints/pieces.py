"""Tensors from a file: mapped where it can't change, copied where it can; hashed in one pass."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, final

import torch
from torch import Tensor

from zoo_core.checkpoints.header import Header, TensorInfo, truncated
from zoo_core.checkpoints.remembered import Findings, recall, remember
from zoo_core.checkpoints.sources import SourceFile, check_hash
from zoo_core.checkpoints.writer import ALIGNMENT

_PIECE = 4 * 2**20


@final
class Pass:
    """One pass over a file's bytes: sha256 of all, and which tensors hold NaN."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.nan: list[str] = []

    def see(self, raw: Tensor) -> None:
        """Hash bytes that belong to no tensor."""
        self.hash.update(raw.numpy().data)

    def see_tensor(self, name: str, info: TensorInfo, raw: Tensor) -> None:
        """Hash a tensor's bytes and look for NaN in them."""
        self.see_pieces(name, info, raw.split(_PIECE))

    def see_pieces(self, name: str, info: TensorInfo, pieces: Iterable[Tensor]) -> None:
        """Hash a tensor's bytes and look for NaN in them, a piece at a time while it is near."""
        floating = info.dtype.is_floating_point or info.dtype.is_complex
        found = False
        for piece in pieces:
            self.see(piece)
            if floating and not found:
                found = _has_nan(typed(piece, info.dtype, (-1,)))
        if found:
            self.nan.append(name)

    def findings(self) -> Findings:
        """What the pass found."""
        return Findings(self.hash.hexdigest(), tuple(self.nan))


def _has_nan(values: Tensor) -> bool:
    if values.element_size() == 1:
        values = values.float()  # eight-bit floats have no isnan of their own
    return bool(torch.isnan(values).any())


def typed(raw: Tensor, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    """See bytes as a tensor; copies those that don't lie well for the dtype or for products."""
    if raw.data_ptr() % ALIGNMENT or raw.storage_offset() % dtype.itemsize:
        raw = raw.clone()
    return raw.view(dtype).view(shape)


def mapped(path: Path, size: int) -> Tensor:
    """Map a whole file into memory as bytes; writes to them stay private."""
    storage: Any = torch.UntypedStorage.from_file(os.fspath(path), False, size)
    return torch.empty(0, dtype=torch.uint8).set_(storage)


def verify(file: SourceFile, header: Header) -> Findings:
    """Hash a file, unless it is known unchanged, and compare.

    Raises IntegrityError where its sha256 isn't the promised one.
    """
    before = os.stat(file.path)
    findings = recall(before)
    if findings is None:
        findings = _scan(file.path, header)
        check_hash(file, findings.sha256)
        remember(before, findings)
    check_hash(file, findings.sha256)
    return findings


def _scan(path: Path, header: Header) -> Findings:
    """Read a file once, a piece at a time: it may be one that can't be mapped safely."""
    seen, buffer = Pass(), torch.empty(_PIECE, dtype=torch.uint8)
    with path.open("rb", buffering=0) as stream:
        for piece in _pieces(stream, header.begin, path, buffer):
            seen.see(piece)
        for name, info in header.tensors.items():
            pieces = _pieces(stream, info.stop - info.start, path, buffer)
            seen.see_pieces(name, info, pieces)
    return seen.findings()


def _pieces(stream: BinaryIO, size: int, path: Path, buffer: Tensor) -> Iterator[Tensor]:
    for start in range(0, size, _PIECE):
        piece = buffer[: min(_PIECE, size - start)]
        _fill(stream, piece, path)
        yield piece


def map_tensors(path: Path, header: Header) -> Iterator[tuple[str, Tensor]]:
    """Give each tensor of a file as a view of the mapped bytes."""
    if not header.tensors:
        return
    raw = mapped(path, header.size)
    for name, info in header.tensors.items():
        yield name, typed(raw[info.start : info.stop], info.dtype, info.shape)


def copy_tensors(file: SourceFile, header: Header, seen: Pass) -> Iterator[tuple[str, Tensor]]:
    """Give each tensor of a file as a copy, hashing what is copied.

    The hash is compared after the last one: until the iterator ends, nothing may be used. Raises
    IntegrityError.
    """
    with file.path.open("rb", buffering=0) as stream:
        seen.see(_read(stream, header.begin, file.path))
        for name, info in header.tensors.items():
            raw = _read(stream, info.stop - info.start, file.path)
            seen.see_tensor(name, info, raw)
            yield name, typed(raw, info.dtype, info.shape)
    check_hash(file, seen.findings().sha256)


def _read(stream: BinaryIO, size: int, path: Path) -> Tensor:
    raw = torch.empty(size, dtype=torch.uint8)
    _fill(stream, raw, path)
    return raw


def _fill(stream: BinaryIO, raw: Tensor, path: Path) -> None:
    view, done, size = raw.numpy().data, 0, len(raw)
    while done < size:
        count = stream.readinto(view[done : done + _PIECE * 16])  # type: ignore[attr-defined]
        if not count:
            raise truncated(path, stream.tell() + size - done, math.floor(stream.tell()))
        done += count
