"""A folder that is whole or isn't there: written beside, forced to the disk, renamed."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, final

from zoo_core.checkpoints.folders import naming_full_disk
from zoo_core.checkpoints.saving import file_hash
from zoo_core.checkpoints.writer import write_bytes

_log = logging.getLogger(__name__)
MANIFEST = "manifest.json"


@final
class CheckpointFolder:
    """The newest of a run's checkpoints; the one before stays until the new one is in its place.

    A folder counts only with its manifest, which is written last, and with every file as the
    manifest has it. A run that is killed leaves a folder under one of three names at least.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new = path.with_name(f".{path.name}.new")
        self._old = path.with_name(f".{path.name}.old")

    @property
    def is_begun(self) -> bool:
        """Whether anything was ever written here."""
        return any(folder.exists() for folder in (self._path, self._new, self._old))

    def replace(self, write: Callable[[Path], None]) -> Path:
        """Put a folder that `write` fills in the place of what is there; gives its path.

        Raises DiskFullError where there is no room, with what was there still in its place.
        """
        with naming_full_disk(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._keep_whole()
            shutil.rmtree(self._new, ignore_errors=True)
            try:
                self._new.mkdir()
                write(self._new)
                _write_manifest(self._new)
            except BaseException:
                shutil.rmtree(self._new, ignore_errors=True)
                raise
            _sync(self._new)
            self._swap()
        return self._path

    def find(self) -> Path | None:
        """Give the newest whole checkpoint; None where there is none.

        One that is there but not whole is told in the log.
        """
        for folder in (self._new, self._path, self._old):
            if not folder.is_dir():
                continue
            wrong = _wrong(folder)
            if wrong is None:
                return folder
            if folder != self._new:
                _log.warning("The checkpoint %s is passed over: %s", folder, wrong)
        return None

    def _keep_whole(self) -> None:
        """Give a whole folder that a killed run left under another name its own again."""
        if not (self._new.exists() or self._old.exists()):
            return
        found = self.find()
        if found is not None and found != self._path:
            shutil.rmtree(self._path, ignore_errors=True)
            os.rename(found, self._path)

    def _swap(self) -> None:
        shutil.rmtree(self._old, ignore_errors=True)
        if self._path.exists():
            os.rename(self._path, self._old)
        os.rename(self._new, self._path)
        _sync(self._path.parent)
        shutil.rmtree(self._old, ignore_errors=True)


def _write_manifest(folder: Path) -> None:
    files = {path.name: file_hash(path) for path in sorted(folder.iterdir())}
    text = json.dumps({"format": 1, "files": files}, indent=2) + "\n"
    write_bytes(folder / MANIFEST, text.encode())


def _wrong(folder: Path) -> str | None:
    """Say why a folder is not whole; None where it is."""
    try:
        manifest: Any = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return f"it has no readable {MANIFEST}"
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, Mapping) or manifest.get("format") != 1:
        return f"its {MANIFEST} is of another format"
    for name, sha256 in files.items():
        path = folder / Path(str(name)).name
        if not path.is_file() or file_hash(path) != sha256:
            return f"{name} is not as it was written"
    return None


def _sync(folder: Path) -> None:
    """Force a folder's entries to the disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
