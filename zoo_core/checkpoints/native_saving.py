"""Save a model as a folder in another library's format: its files by a plugin, ours beside them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from zoo_core.checkpoints.folders import files_of, replace_folder
from zoo_core.checkpoints.texts import CARD, MANIFEST, RECIPE
from zoo_core.checkpoints.wrapping import Wrapping, refuse_view, wrap
from zoo_core.errors import HookError
from zoo_core.interfaces.model import Model


def save_native(
    model: Model, folder: Path, write: Callable[[Path], None], wrapping: Wrapping
) -> None:
    """Let `write` fill a new folder beside, add card and hashes, and rename it into place.

    As with `save_folder`, a README.md that a person has edited and files that no save has
    written stay. Raises UnsupportedError for a view made by `given`, HookError where nothing was
    written.
    """
    refuse_view(model)

    def fill(beside: Path) -> None:
        write(beside)
        for name in (CARD, MANIFEST, RECIPE):  # these are ours to write
            (beside / name).unlink(missing_ok=True)
        files = files_of(beside)
        if not files:
            raise HookError("Who writes a format writes files", received="an empty folder")
        for path in files.values():
            _sync(path)
        wrap(beside, folder, files, model, wrapping)

    replace_folder(folder, fill)


def _sync(path: Path) -> None:
    """Force a file that a library has written to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
