"""What this plugin adds to the zoo: reading and writing diffusers' own format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import hookimpl
from zoo_core.hooks.repository import Claim, Opening, Repository

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model

FORMAT = "diffusers"


@hookimpl
def zoo_claim(repository: Repository) -> Claim | None:
    """Claim a pipeline, or a component by itself, that diffusers' `save_pretrained` wrote."""
    from zoo_plugin_diffusers.claim import claimed_files

    files = claimed_files(repository)
    return None if files is None else Claim(files, _open)


@hookimpl
def zoo_write(model: Model, format: str, folder: Path) -> bool | None:
    """Write a model as `save_pretrained` does, for users without the zoo."""
    if format != FORMAT:
        return None
    from zoo_plugin_diffusers.writing import write_folder

    return write_folder(model, folder)


def _open(opening: Opening) -> Model:
    from zoo_plugin_diffusers.opening import open_folder

    return open_folder(opening)
