"""Write a folder whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from zoo_core.checkpoints.sources import SourceFile
from zoo_core.checkpoints.texts import CARD, CONFIG, MANIFEST, parse_manifest, read_text
from zoo_core.errors import CheckpointError, DiskFullError


def replace_folder(target: Path, write: Callable[[Path], None]) -> None:
    """Fill a new folder beside `target`, force it to the disk and rename it into place.

    A saved model that is there already is replaced as a whole; files in it that its manifest
    doesn't list, in the folders of those that it lists too, are a person's and are carried over.
    Raises CheckpointError where `target` holds anything else, DiskFullError where there is no
    room; then nothing has changed.
    """
    target = target.absolute()
    check_replaceable(target)
    with naming_full_disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{uuid4().hex[:8]}.new")
        beside.mkdir()
        try:
            write(beside)
            for foreign in _foreign(target, beside):
                _carry(target / foreign, beside / foreign)
            _sync(beside)
            _swap(beside, target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def check_replaceable(target: Path) -> None:
    """Refuse to replace what no save of ours has written."""
    if not target.exists() and not target.is_symlink():
        return
    ours = target.is_dir() and (target / MANIFEST).is_file() and _has_model(target)
    if not ours and not (target.is_dir() and not any(target.iterdir())):
        raise CheckpointError(
            "A model is saved to a new folder, an empty one, or over a saved model",
            received=f"{target}, which holds something else",
            remedy="Choose another folder.",
        )


def _has_model(folder: Path) -> bool:
    """Whether a folder has config.json, or a file that its manifest lists beside the card."""
    return (folder / CONFIG).is_file() or any(
        (folder / name).is_file() for name in _listed(folder) if name != CARD
    )


def _listed(folder: Path) -> set[str]:
    """Give the names that a folder's manifest lists; none where it can't be read."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return set()
    try:
        return set(parse_manifest(read_text(SourceFile(manifest)), str(folder)).files)
    except CheckpointError:
        return set()


def files_of(folder: Path) -> dict[str, Path]:
    """Give the files of a folder and of the folders in it, by name with / between folders."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: path for name, path in sorted(found.items()) if not path.is_dir()}


def _foreign(target: Path, beside: Path) -> list[str]:
    """List what a person has put into a saved model's folder: files, and folders as a whole."""
    if not (target / MANIFEST).is_file():
        return []
    taken = _listed(target) | files_of(beside).keys() | {MANIFEST}
    inner = {name[:i] for name in taken for i, mark in enumerate(name) if mark == "/"}
    return list(_walked(target, "", taken, inner))


def _walked(folder: Path, within: str, taken: set[str], inner: set[str]) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        name = f"{within}{path.name}"
        if name in inner and path.is_dir() and not path.is_symlink():
            yield from _walked(path, f"{name}/", taken, inner)
        elif name not in taken and name not in inner:
            yield name


def _carry(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _swap(beside: Path, target: Path) -> None:
    if not target.exists():
        os.rename(beside, target)
    else:
        old = target.with_name(f".{target.name}.{uuid4().hex[:8]}.old")
        os.rename(target, old)
        try:
            os.rename(beside, target)
        except OSError:
            os.rename(old, target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    _sync(target.parent)


def _sync(folder: Path) -> None:
    """Force a folder's entries to the disk, where the system can (Windows can't)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def naming_full_disk(place: Path) -> Iterator[None]:
    """Turn the system's "no space left" into DiskFullError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFullError(
            "The disk has room for every file",
            received=f"none left at {place}",
            remedy="Free some space, or choose another disk.",
        ) from None
