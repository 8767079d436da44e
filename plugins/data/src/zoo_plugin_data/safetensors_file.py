"""Tensors in .safetensors files, mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest
from zoo_plugin_data.arrays import array_space, check_array
from zoo_plugin_data.closest import did_you_mean
from zoo_plugin_data.hashing import file_sha256
from zoo_plugin_data.labels import codes_of
from zoo_plugin_data.matrix import MappedRows, as_samples
from zoo_plugin_data.opened import IN_MEMORY_BYTES, Opened


def open_safetensors(path: Path, request: DataRequest) -> Opened:
    """Open the tensor `x` (or the only one left), with other tensors as condition and weight.

    Large ones stay on disk, mapped. Raises DataError for the first problem, with its row.
    """
    tensors = _tensors(path)
    for names, role in ((request.condition, "condition"), (request.columns, "data")):
        if len(names) > 1:
            raise DataError(f"The {role} is one tensor of {path.name}", received=", ".join(names))
    told = [_one(path, tensors, name) for name in request.condition]
    weight = None if request.weight is None else _one(path, tensors, request.weight)
    x = _one(path, tensors, _data_name(tensors, request))
    space = array_space(x, request.space, path.name)
    check_array(lambda a, b: _numpy(x[a:b]), len(x), x[:1].nbytes, space, path.name)
    values, classes = _told(path, told[0], len(x)) if told else (None, ())
    weights = None if weight is None else _weight(path, weight, len(x))
    rows = MappedRows(x, space, values, weights)
    if x.nbytes <= IN_MEMORY_BYTES:
        rows = Batch(as_samples(x.clone(), space), values, weights)
    provenance = f"{path.name}, shape {list(x.shape)}"
    return Opened(rows, space, file_sha256(path), provenance, classes)


def _tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"{path.name} is a whole .safetensors file", received=str(error).splitlines()[0]
        ) from None


def _data_name(tensors: dict[str, Tensor], request: DataRequest) -> str:
    used = {*request.condition, request.weight}
    left = [name for name in tensors if name not in used]
    return request.columns[0] if request.columns else left[0] if len(left) == 1 else "x"


def _one(path: Path, tensors: dict[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise DataError(
            f"{path.name} has a tensor {name!r}",
            received="no such tensor",
            remedy=did_you_mean(name, tensors),
        )
    return tensors[name]


def _told(path: Path, values: Tensor, n: int) -> tuple[Tensor, tuple[str, ...]]:
    _same_length(path, values, n, "conditions")
    if not values.is_floating_point() and values.ndim == 1:
        told = codes_of(values.numpy())
        return told.values, told.classes
    vectors = values.reshape(n, -1).to(torch.get_default_dtype())
    bad = (~torch.isfinite(vectors)).nonzero()
    if len(bad):
        raise DataError(
            f"Conditions of {path.name} are finite",
            received=f"{vectors[tuple(bad[0])].item()} in row {int(bad[0][0]) + 1}",
        )
    return vectors, ()


def _weight(path: Path, weight: Tensor, n: int) -> Tensor:
    _same_length(path, weight, n, "weights")
    bad = (~(torch.isfinite(weight) & (weight >= 0))).nonzero()
    if weight.ndim != 1 or len(bad):
        raise DataError(
            f"Weights of {path.name} are a vector of finite numbers, none negative",
            received=f"shape {list(weight.shape)}"
            + (f", {weight[tuple(bad[0])].item()} in row {int(bad[0][0]) + 1}" if len(bad) else ""),
        )
    return weight.double()


def _same_length(path: Path, values: Tensor, n: int, what: str) -> None:
    if values.ndim == 0 or len(values) != n:
        raise DataError(
            f"{path.name} has {what} for each of its {n} rows",
            received=f"shape {list(values.shape)}",
        )


def _numpy(x: Tensor) -> np.ndarray:
    return (x.float() if x.dtype is torch.bfloat16 else x).numpy()
