"""Save a model as a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import torch

from zoo_core.checkpoints.card import Card
from zoo_core.checkpoints.description import Description
from zoo_core.checkpoints.folders import replace_folder
from zoo_core.checkpoints.opening import build_on_meta
from zoo_core.checkpoints.slots import Slot, floating_dtypes, slots, ties
from zoo_core.checkpoints.sources import SourceFile
from zoo_core.checkpoints.texts import (
    CARD,
    CONFIG,
    MANIFEST,
    RECIPE,
    Manifest,
    parse_manifest,
    read_text,
)
from zoo_core.checkpoints.writer import SHARD_BYTES, write_bytes, write_weights
from zoo_core.errors import FormatError, TensorError, UnsupportedError
from zoo_core.interfaces.model import Model


@final
@dataclass(frozen=True)
class Wrapping:
    """What is saved around a model: its card, the reference in the card, the plugins' versions.

    `readme` is a card that a person wrote, saved in the place of the generated one; `recipe` is
    the text of recipe.yaml, by which the model was made, where it is known.
    """

    card: Card = field(default_factory=Card)
    ref: str | None = None
    plugins: Mapping[str, str] = field(default_factory=dict)
    shard_bytes: int = SHARD_BYTES
    readme: bytes | None = None
    recipe: bytes | None = None


def save_folder(model: Model, folder: Path, wrapping: Wrapping) -> None:
    """Save a model as a folder: written beside, forced to the disk, renamed.

    A README.md that a person has edited is kept. Raises TensorError for a model whose tensors
    aren't those that its configuration builds, UnsupportedError for a view made by `given`.
    """
    if model.is_given:
        raise UnsupportedError(
            "A view with a bound condition can't be saved", remedy="Save the model itself."
        )
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
        """Write every file into the new folder; the card as a person left it in the old one."""
        write_bytes(beside / CONFIG, self.description.to_bytes())
        tensors = {name: slot.tensor for name, slot in self.tensors.items()}
        limit = self.wrapping.shard_bytes
        files = [CONFIG, *write_weights(beside, tensors, ties(self.tensors), limit)]
        if self.wrapping.recipe is not None:
            write_bytes(beside / RECIPE, self.wrapping.recipe)
            files.append(RECIPE)
        hashes = {name: file_hash(beside / name) for name in files}
        card = self._card(target)
        edited = edited_card(target) if self.wrapping.readme is None else self.wrapping.readme
        write_bytes(beside / CARD, card if edited is None else edited)
        hashes[CARD] = file_hash(beside / CARD)
        manifest = Manifest(hashes, hashlib.sha256(card).hexdigest())
        write_bytes(beside / MANIFEST, manifest.to_bytes())

    def _card(self, target: Path) -> bytes:
        ref = self.wrapping.ref or f"./{target.name}"
        return self.wrapping.card.render(self.model, ref, sorted(self.wrapping.plugins)).encode()


def edited_card(folder: Path) -> bytes | None:
    """Give a folder's README.md where a person wrote or edited it; None where it is ours."""
    if not (folder / CARD).is_file():
        return None
    text = (folder / CARD).read_bytes()
    manifest = folder / MANIFEST
    written = None if not manifest.is_file() else read_text(SourceFile(manifest))
    return None if is_generated(text, written) else text


def is_generated(card: bytes, manifest: bytes | None) -> bool:
    """Whether a card is as it was generated, by the manifest that was written with it."""
    if manifest is None:
        return False
    try:
        return hashlib.sha256(card).hexdigest() == parse_manifest(manifest, "a saved model").card
    except FormatError:
        return False


def file_hash(path: Path) -> str:
    """Give a file's sha256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
