"""What a saved model's files are wrapped in: its card, its recipe, and everybody's hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from zoo_core.checkpoints.card import Card
from zoo_core.checkpoints.sources import SourceFile
from zoo_core.checkpoints.texts import (
    CARD,
    MANIFEST,
    RECIPE,
    Manifest,
    parse_manifest,
    read_text,
)
from zoo_core.checkpoints.writer import SHARD_BYTES, write_bytes
from zoo_core.errors import FormatError, UnsupportedError
from zoo_core.interfaces.model import Model


@final
@dataclass(frozen=True)
class Wrapping:
    """What is saved around a model: its card, the reference in the card, the plugins' versions.

    `readme` is a card that a person wrote, saved in the place of the generated one; `recipe` is
    the text of recipe.yaml, by which the model was made, where it is known. `format` is that of
    another library, in which the files are; None for the zoo's own.
    """

    card: Card = field(default_factory=Card)
    ref: str | None = None
    plugins: Mapping[str, str] = field(default_factory=dict)
    shard_bytes: int = SHARD_BYTES
    readme: bytes | None = None
    recipe: bytes | None = None
    format: str | None = None


def refuse_view(model: Model) -> None:
    """Raise UnsupportedError for a view made by `given`."""
    if model.is_given:
        raise UnsupportedError(
            "A view with a bound condition can't be saved", remedy="Save the model itself."
        )


def wrap(
    beside: Path, target: Path, files: Iterable[str], model: Model, wrapping: Wrapping
) -> None:
    """Add recipe, card and manifest to the files of a new folder.

    The card is as a person left it in the old folder, `target`.
    """
    listed = list(files)
    if wrapping.recipe is not None:
        write_bytes(beside / RECIPE, wrapping.recipe)
        listed.append(RECIPE)
    hashes = {name: file_hash(beside / name) for name in listed}
    ref = wrapping.ref or f"./{target.name}"
    plugins = sorted(wrapping.plugins)
    card = wrapping.card.render(model, ref, plugins, format=wrapping.format).encode()
    edited = edited_card(target) if wrapping.readme is None else wrapping.readme
    write_bytes(beside / CARD, card if edited is None else edited)
    hashes[CARD] = file_hash(beside / CARD)
    manifest = Manifest(hashes, hashlib.sha256(card).hexdigest())
    write_bytes(beside / MANIFEST, manifest.to_bytes())


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
