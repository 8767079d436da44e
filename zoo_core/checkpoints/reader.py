"""Fill a model whose parameters are on meta from a checkpoint's tensors: strictly, all or none."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import final

import torch
from torch import Tensor, nn

from zoo_core.checkpoints.header import Header, read_header
from zoo_core.checkpoints.pieces import Pass, copy_tensors, map_tensors, verify
from zoo_core.checkpoints.remembered import first_few
from zoo_core.checkpoints.slots import Slot, slots, ties
from zoo_core.checkpoints.sources import Source, SourceFile
from zoo_core.checkpoints.texts import INDEX, WEIGHTS, read_text, unique_keys
from zoo_core.errors import FormatError, TensorError, UnsafeFileError

MAX_SHARDS = 1000
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.safetensors")


@final
class NanWarning(UserWarning):
    """Weights that were loaded hold NaN."""


def fill(
    model: nn.Module,
    source: Source,
    *,
    saved_dtype: torch.dtype | None = None,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Put a checkpoint's tensors into a model built within `meta_parameters()`.

    Headers are compared with the model before any tensor is read. `saved_dtype` is the floating
    dtype of the checkpoint where it isn't the model's own; `device` and `dtype` are applied a
    tensor at a time. Raises TensorError for extra, missing or ill-shaped tensors, IntegrityError
    for bytes that aren't the promised ones, UnsafeFileError for pickles and paths.
    """
    files = [(file, read_header(file.path)) for file in weight_files(source)]
    found = slots(model)
    _check(found, files, saved_dtype, source.origin)
    nan: list[str] = []
    with torch.no_grad():
        for name, tensor in _tensors(files, nan):
            found[name].fill(_place(tensor, found[name], device, dtype))
        _tie(found, files)
    _move_rest(model, device, dtype)
    if nan:
        warnings.warn(
            f"{source.origin}: NaN in {first_few(nan)}; what it gives may be NaN too.",
            NanWarning,
            stacklevel=3,
        )


def weight_files(source: Source) -> list[SourceFile]:
    """List the safetensors files of a checkpoint: one, or those that its index names."""
    if WEIGHTS in source.files or INDEX not in source.files:
        return [source.file(WEIGHTS)]
    text = read_text(source.file(INDEX))
    return [source.file(name) for name in shard_names(text, source.origin)]


def shard_names(text: bytes, origin: str) -> list[str]:
    """Read the shards' names from an index. Raises UnsafeFileError for one that is a path."""
    try:
        places = json.loads(text, object_pairs_hook=unique_keys)["weight_map"]
        names = sorted(set(places.values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FormatError(
            f"{INDEX} maps the name of each tensor to a file", received=f"another form in {origin}"
        ) from None
    for name in names:
        if not isinstance(name, str) or not _SHARD.fullmatch(name) or len(names) > MAX_SHARDS:
            raise UnsafeFileError(
                f"{INDEX} names at most {MAX_SHARDS} safetensors files in the same folder",
                received=f"{str(name)[:80]!r} in {origin}",
            )
    return names


def _check(
    found: Mapping[str, Slot],
    files: list[tuple[SourceFile, Header]],
    saved_dtype: torch.dtype | None,
    origin: str,
) -> None:
    stored: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
    problems: list[str] = []
    for file, header in files:
        twice = sorted(stored.keys() & header.tensors.keys())
        problems += [f"again in {file.path.name}: {first_few(twice)}"] if twice else []
        stored |= {name: (info.dtype, info.shape) for name, info in header.tensors.items()}
    tied = _saved_ties(files)
    missing = sorted(n for n in found.keys() - stored.keys() if tied.get(n) not in stored)
    extra = sorted(stored.keys() - found.keys())
    problems += [f"missing: {first_few(missing)}"] if missing else []
    problems += [f"extra: {first_few(extra)}"] if extra else []
    for name in sorted(found):
        held = stored.get(name) or stored.get(tied.get(name, ""))
        wanted = _wanted(found[name], saved_dtype)
        if held is not None and held != wanted:
            problems.append(f"{name} is {_shown(*held)}, the model's is {_shown(*wanted)}")
    if problems:
        raise TensorError(
            f"The tensors of {origin} are those of the model that its configuration describes",
            received=first_few(problems, 6),
            remedy="Weights and config.json must come from the same model.",
        )


def _wanted(slot: Slot, saved: torch.dtype | None) -> tuple[torch.dtype, tuple[int, ...]]:
    tensor = slot.tensor
    dtype = saved if saved is not None and tensor.is_floating_point() else tensor.dtype
    return dtype, tuple(tensor.shape)


def _shown(dtype: torch.dtype, shape: tuple[int, ...]) -> str:
    return f"{str(dtype).removeprefix('torch.')}{list(shape)}"


def _saved_ties(files: list[tuple[SourceFile, Header]]) -> dict[str, str]:
    """Read which further names the tensors had when they were saved."""
    try:
        saved = json.loads(files[0][1].metadata.get("ties", "{}")) if files else {}
    except (ValueError, RecursionError):
        saved = None
    if not isinstance(saved, dict) or not all(isinstance(name, str) for name in saved.values()):
        raise FormatError("`ties` in the header maps names to names", received="another form")
    return saved


def _tensors(
    files: list[tuple[SourceFile, Header]], nan: list[str]
) -> Iterator[tuple[str, Tensor]]:
    for file, header in files:
        if file.mappable and header.tensors:
            nan += verify(file, header).nan
            yield from map_tensors(file.path, header)
        else:
            seen = Pass()
            yield from copy_tensors(file, header, seen)
            nan += seen.nan


def _place(
    tensor: Tensor, slot: Slot, device: torch.device | None, dtype: torch.dtype | None
) -> Tensor:
    dtype = dtype if tensor.is_floating_point() else None
    moved = tensor.to(device=device, dtype=dtype or tensor.dtype)
    # A buffer that shared the mapped storage would drag the whole file along when deep-copied.
    return moved if slot.is_parameter or moved is not tensor else tensor.clone()


def _tie(found: Mapping[str, Slot], files: list[tuple[SourceFile, Header]]) -> None:
    """Tie what was tied after it was built; the configuration's own ties are there already."""
    known = ties(dict(found))
    for alias, name in _saved_ties(files).items():
        if alias in found and alias not in known and name in found:
            first = found[name].places[0]
            for place in found[alias].places:
                setattr(place.module, place.attribute, getattr(first.module, first.attribute))


def _move_rest(model: nn.Module, device: torch.device | None, dtype: torch.dtype | None) -> None:
    """Move buffers that aren't stored; what is in place already stays as it is."""
    for module in model.modules():
        for name in module._non_persistent_buffers_set:
            buffer = module._buffers[name]
            if buffer is not None:
                kind = dtype if buffer.is_floating_point() else None
                module._buffers[name] = buffer.to(device=device, dtype=kind)
