"""A checkpoint: all that a run needs to go on as if it had not stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.checkpoints.writer import write_bytes, write_file
from zoo_plugin_training.checkpoint_folder import CheckpointFolder
from zoo_plugin_training.processes import Processes

STATE = "state.json"
_SUFFIX = ".safetensors"


@final
@dataclass(frozen=True)
class Checkpoint:
    """A state in JSON, and groups of named tensors, a file each."""

    state: Mapping[str, Any]
    tensors: Mapping[str, Mapping[str, Tensor]]

    def write(self, folder: Path) -> None:
        """Write the files into a folder and force them to the disk."""
        for group, tensors in self.tensors.items():
            write_file(folder / f"{group}{_SUFFIX}", tensors, {"format": "pt"})
        write_bytes(folder / STATE, (json.dumps(self.state) + "\n").encode())


def read_checkpoint(folder: CheckpointFolder, processes: Processes) -> Checkpoint | None:
    """Read the newest whole checkpoint in the first process, for all; None where there is none.

    The others' tensors come from the first one when they are used: all processes use the same
    ones in the same order.
    """
    found = _read(folder) if processes.leads else None
    outline = None if found is None else (found.state, _outline(found))
    told = processes.told(outline)
    if told is None:
        return None
    state, groups = told
    own: Mapping[str, Mapping[str, Tensor]] = {} if found is None else found.tensors
    tensors = {
        group: SharedTensors(infos, own.get(group, {}), processes)
        for group, infos in groups.items()
    }
    return Checkpoint(state, tensors)


@final
class SharedTensors(Mapping[str, Tensor]):
    """Tensors that the first process has; each is sent to the others when it is asked for."""

    def __init__(
        self,
        infos: Mapping[str, tuple[tuple[int, ...], torch.dtype]],
        own: Mapping[str, Tensor],
        processes: Processes,
    ) -> None:
        self._infos, self._own, self._processes = infos, own, processes

    def __getitem__(self, name: str) -> Tensor:
        shape, dtype = self._infos[name]
        device = self._processes.device
        if name in self._own:
            tensor = self._own[name].to(device)
        else:
            tensor = torch.empty(shape, dtype=dtype, device=device)
        self._processes.send(tensor)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)


def _read(folder: CheckpointFolder) -> Checkpoint | None:
    from safetensors.torch import load_file

    path = folder.find()
    if path is None:
        return None
    state = json.loads((path / STATE).read_bytes())
    files = sorted(path.glob(f"*{_SUFFIX}"))
    return Checkpoint(state, {file.stem: load_file(file) for file in files})


def _outline(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        group: {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
        for group, tensors in checkpoint.tensors.items()
    }
