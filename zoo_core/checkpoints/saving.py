"""Save a model as a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from zoo_core.checkpoints.description import Description
from zoo_core.checkpoints.folders import replace_folder
from zoo_core.checkpoints.opening import build_on_meta
from zoo_core.checkpoints.slots import Slot, floating_dtypes, slots, ties
from zoo_core.checkpoints.texts import CONFIG
from zoo_core.checkpoints.wrapping import Wrapping, file_hash, refuse_view, wrap
from zoo_core.checkpoints.writer import write_bytes, write_weights
from zoo_core.errors import TensorError
from zoo_core.interfaces.model import Model

__all__ = ["Wrapping", "file_hash", "save_folder"]


def save_folder(model: Model, folder: Path, wrapping: Wrapping) -> None:
    """Save a model as a folder: written beside, forced to the disk, renamed.

    A README.md that a person has edited is kept. Raises TensorError for a model whose tensors
    aren't those that its configuration builds, UnsupportedError for a view made by `given`.
    """
    refuse_view(model)
    found = slots(model)
    config = model.config.to_json()
    description = Description(model.architecture, config, wrapping.plugins)
    description = _with_dtype(description, found, str(folder))
    parts = _Parts(model, found, description, wrapping)
    replace_folder(folder, lambda beside: parts.write(beside, folder))


def _with_dtype(description: Description, found: dict[str, Slot], origin: str) -> Description:
    """Compare with what the configuration builds, so that what is saved can be loaded."""
    built = slots(build_on_meta(description, origin))
    known = ties(found)
    different = sorted(
        name
        for name in found.keys() ^ built.keys()
        if not (name in built and known.get(name) in found)
    )
    shared = found.keys() & built.keys()
    shapes = [n for n in shared if found[n].tensor.shape != built[n].tensor.shape]
    if different or shapes:
        raise TensorError(
            "A model's tensors are those that its configuration builds",
            received=f"others: {', '.join((different or shapes)[:5])}",
            remedy="What changes their names or shapes belongs in the configuration.",
        )
    if all(found[n].tensor.dtype == built[n].tensor.dtype for n in found):
        return description
    return Description(
        description.architecture, description.config, description.plugins, _one_dtype(found)
    )


def _one_dtype(found: dict[str, Slot]) -> torch.dtype:
    kinds = floating_dtypes(found)
    if len(kinds) != 1:
        raise TensorError(
            "Floating tensors have the dtypes that the configuration gives, or one dtype all",
            received=f"{', '.join(sorted(map(str, kinds)))}",
            remedy="Convert the model whole: model.to(torch.float32).",
        )
    return kinds.pop()


@final
@dataclass(frozen=True)
class _Parts:
    """What goes into the files of one folder."""

    model: Model
    tensors: dict[str, Slot]
    description: Description
    wrapping: Wrapping

    def write(self, beside: Path, target: Path) -> None:
        """Write every file into the new folder."""
        write_bytes(beside / CONFIG, self.description.to_bytes())
        tensors = {name: slot.tensor for name, slot in self.tensors.items()}
        limit = self.wrapping.shard_bytes
        files = [CONFIG, *write_weights(beside, tensors, ties(self.tensors), limit)]
        wrap(beside, target, files, self.model, self.wrapping)
