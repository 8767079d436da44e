"""What this plugin adds to the zoo: reading and writing transformers' own format."""

from __future__ import annotations

from pathlib import Path

from zoo_core import hookimpl
from zoo_core.hooks.repository import Claim, Repository
from zoo_core.interfaces.model import Model


@hookimpl
def zoo_claim(repository: Repository) -> Claim | None:
    """Claim nothing yet."""
    del repository
    return None


@hookimpl
def zoo_write(model: Model, format: str, folder: Path) -> bool | None:
    """Write nothing yet."""
    del model, format, folder
    return None
