"""A registry file rewritten: only by a valid text, and whole or not at all."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from zoo_core.errors import RegistryFileError
from zoo_core.plugins.finding import Level
from zoo_core.registry.checking import check_text


def text_of(path: Path) -> str:
    """Read a registry file as text, its line endings as they are. Raises RegistryFileError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryFileError(f"{path} is a registry file", received=error) from None


def rewrite(path: Path, text: str) -> None:
    """Write a text beside the file, force it to the disk and rename it into place.

    Raises RegistryFileError where it breaks the schema; then nothing has changed.
    """
    check_valid(path, text)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{uuid4().hex[:8]}.new")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(target, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def check_valid(path: Path, text: str) -> None:
    """Refuse a text that `zoo registry check` finds errors in. Raises RegistryFileError."""
    errors = [f for f in check_text(str(path), text) if f.level is Level.ERROR]
    if errors:
        raise RegistryFileError(
            f"{path} is valid when it is written",
            received="; ".join(map(str, errors[:5])),
            remedy="Nothing was written.",
        )
