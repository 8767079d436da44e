"""What a run is: all that a run which goes on must have in common with the one that stopped."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from zoo_core.errors import CheckpointError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.rows import Rows
from zoo_plugin_training.options import FitOptions
from zoo_plugin_training.processes import Processes

_log = logging.getLogger(__name__)
_FREE = {"out", "resume", "checkpoint_every", "progress", "track"}
_ROWS = 64


def fingerprint(
    model: Model, options: FitOptions, total: int, processes: Processes
) -> dict[str, Any]:
    """Describe a run but for its data: model, options, number of steps, processes."""
    parameters = {name: list(p.shape) for name, p in model.named_parameters() if p.requires_grad}
    return {
        "architecture": model.architecture,
        "config": model.config.to_json(),
        "trained parameters": _hash_json(parameters),
        "options": {k: v for k, v in options.to_json().items() if k not in _FREE},
        "steps in all": total,
        "processes": processes.size,
        "dtype": str(model.dtype),
    }


def surroundings(model: Model) -> dict[str, Any]:
    """Describe what the last bits of a sum depend on."""
    threads = torch.get_num_threads()
    return {"torch": torch.__version__, "threads": threads, "device": model.device.type}


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name what differs, field by field."""
    found: list[str] = []
    for name in dict.fromkeys([*saved, *now]):
        one, other = saved.get(name), now.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += differences(one, other)
        elif one != other:
            found.append(f"{name} {_shown(other)} instead of {_shown(one)}")
    return found


def check_same(saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise CheckpointError where a run is not the one that the checkpoint is of."""
    found = differences(saved, now)
    if found:
        raise CheckpointError(
            "A run is resumed as it was begun: model, options, data, number of processes. The "
            "number of steps too, which the learning rate goes by",
            received="; ".join(found),
            remedy="Give the same, or begin anew in another folder. To train a finished model "
            "longer, fit it again with keep_preprocessing=True.",
        )


def data_fingerprint(data: Batch | Iterable[Batch] | None) -> str:
    """Hash the data of a run.

    Rows in memory are hashed whole, of rows that are fetched some and their number, of a stream
    the first batch.
    """
    if data is None:
        return "none"
    digest = hashlib.sha256()
    if isinstance(data, Batch):
        _add(digest, data)
    elif isinstance(data, Rows):
        digest.update(str(len(data)).encode())
        chosen = torch.linspace(0, len(data) - 1, min(_ROWS, len(data)), dtype=torch.float64)
        _add(digest, data.take(chosen.long()))
    else:
        _add(digest, next(iter(data)))
    return digest.hexdigest()


def _add(digest: Any, batch: Batch) -> None:
    x = batch.x
    tensors: list[Any] = [x.values, x.lengths] if isinstance(x, Ragged) else [x]
    condition = batch.condition
    tensors += list(condition.tensors.values()) if isinstance(condition, Codes) else [condition]
    for tensor in (*tensors, batch.weight):
        if isinstance(tensor, Tensor):
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(f"{tensor.dtype}{list(tensor.shape)}".encode())
            digest.update(flat.view(torch.uint8).numpy().data)


def _hash_json(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def report_surroundings(saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Say in the log what makes a resumed run round otherwise."""
    found = differences(saved, now)
    if found:
        _log.warning("The run goes on, but not to the same bits: %s.", "; ".join(found))
