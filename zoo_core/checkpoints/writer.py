"""Write safetensors so that a mapped tensor begins at a multiple of 64 bytes.

The format aligns to 8, and products of tensors that lie differently in memory may differ in the
last bits. So the header is padded until the data begin at a multiple of 64, and tensors whose
sizes are such multiples come first, then those with the next smaller power of two.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from zoo_core.checkpoints.header import NAMES
from zoo_core.checkpoints.texts import INDEX, WEIGHTS
from zoo_core.errors import TensorError

ALIGNMENT = 64
SHARD_BYTES = 2 * 10**9


@final
class _Order:
    """How tensors are sorted: by the largest power of two up to 64 in their size, then by name."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    def __call__(self, name: str) -> tuple[int, str]:
        size = self.tensors[name].nbytes
        return -min(size & -size or ALIGNMENT, ALIGNMENT), name


def write_weights(
    folder: Path, tensors: Mapping[str, Tensor], ties: Mapping[str, str], limit: int = SHARD_BYTES
) -> list[str]:
    """Write tensors to one file, or to shards of at most `limit` bytes with an index.

    `ties` maps each further name of a tensor to the one it is stored under. Gives the names of
    the files written. Raises TensorError for a dtype that safetensors doesn't have.
    """
    shards = _shards(tensors, limit)
    metadata = {"format": "pt"}
    if ties:
        metadata["ties"] = json.dumps(dict(ties), sort_keys=True)
    if len(shards) <= 1:
        write_file(folder / WEIGHTS, tensors, metadata)
        return [WEIGHTS]
    places: dict[str, str] = {}
    for i, names in enumerate(shards, start=1):
        file = f"model-{i:05}-of-{len(shards):05}.safetensors"
        write_file(folder / file, {name: tensors[name] for name in names}, metadata)
        places |= dict.fromkeys(names, file)
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    write_bytes(folder / INDEX, (json.dumps(index, indent=2) + "\n").encode())
    return [INDEX, *dict.fromkeys(places.values())]


def _shards(tensors: Mapping[str, Tensor], limit: int) -> list[list[str]]:
    shards: list[list[str]] = []
    room = 0
    for name, tensor in tensors.items():
        if not shards or tensor.nbytes > room:
            shards.append([])
            room = limit
        shards[-1].append(name)
        room -= tensor.nbytes
    return shards


def write_file(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write one safetensors file and force it to the disk."""
    names = sorted(tensors, key=_Order(tensors))
    entries: dict[str, object] = {"__metadata__": dict(metadata)}
    offset = 0
    for name in names:
        tensor = tensors[name]
        if tensor.dtype not in NAMES or tensor.is_meta or tensor.layout is not torch.strided:
            raise TensorError(
                "A saved tensor is dense, real in memory and of a dtype that safetensors has",
                received=f"{name}: {tensor.dtype}, {tensor.layout}, on {tensor.device}",
            )
        offsets = [offset, offset + tensor.nbytes]
        shape = list(tensor.shape)
        entries[name] = {"dtype": NAMES[tensor.dtype], "shape": shape, "data_offsets": offsets}
        offset += tensor.nbytes
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    head = len(text).to_bytes(8, "little") + text
    _write(path, (head, *(_Bytes(tensors[name]) for name in names)))


@final
class _Bytes:
    """A tensor's bytes, brought to main memory only when they are written."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def view(self) -> memoryview:
        """The bytes in row-major order."""
        flat = self.tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        return flat.numpy().data


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file and force it to the disk."""
    _write(path, (data,))


def _write(path: Path, pieces: Iterable[bytes | _Bytes]) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece.view() if isinstance(piece, _Bytes) else piece)
        file.flush()
        os.fsync(file.fileno())
