"""Repositories and folders in other formats than the zoo's own, as plugins are shown them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, final

from zoo_core.checkpoints.sources import Source, SourceFile
from zoo_core.checkpoints.texts import (
    CARD,
    MANIFEST,
    MAX_TEXT,
    RECIPE,
    parse_json,
    parse_manifest,
    read_text,
)
from zoo_core.errors import FormatError
from zoo_core.hooks.repository import Repository
from zoo_core.plugins.file_names import is_inside

_MOST_FILES = 10_000


@final
class ForeignRepository(Repository):
    """Files by name and size; one is brought, verified, when it is read.

    `bring` gives a listed file, with the sha256 that it must have where one is known.
    """

    def __init__(
        self, origin: str, sizes: Mapping[str, int], bring: Callable[[str], SourceFile]
    ) -> None:
        self._origin, self._sizes, self._bring = origin, sizes, bring
        self._texts: dict[str, bytes] = {}

    @classmethod
    def of(cls, source: Source) -> ForeignRepository:
        """See files that are on this machine as a repository."""
        sizes = {name: file.path.stat().st_size for name, file in source.files.items()}
        return cls(source.origin, sizes, lambda name: source.files[name])

    @property
    def origin(self) -> str:
        """How messages call it."""
        return self._origin

    @property
    def sizes(self) -> Mapping[str, int]:
        """Each file's size in bytes."""
        return self._sizes

    def read(self, name: str) -> bytes:
        """Give the verified bytes of a small file."""
        if name not in self._texts:
            size = self._sizes.get(name)
            if size is None:
                raise FormatError(f"{self._origin} has a file {name}", received="no such file")
            if size > MAX_TEXT:
                raise FormatError(
                    f"{self._origin} has a file {name} of at most {MAX_TEXT} bytes",
                    received=f"one of {size} bytes",
                )
            self._texts[name] = read_text(self._bring(name))
        return self._texts[name]

    def read_json(self, name: str) -> dict[str, Any]:
        """Give a small file's JSON mapping."""
        return parse_json(self.read(name), f"{name} of {self._origin}")


def tree_source(folder: Path) -> Source:
    """See a folder with the folders in it as files; its manifest, if any, promises hashes.

    What is hidden is left out, and so are links to folders. Raises FormatError where a file that
    the manifest lists isn't there, or where there are too many to be one model's.
    """
    files = {name: SourceFile(folder / name) for name in _names(folder)}
    if MANIFEST not in files:
        return Source(str(folder), files)
    manifest = parse_manifest(read_text(files[MANIFEST]), str(folder))
    missing = sorted(manifest.files.keys() - files.keys() - {CARD, RECIPE})
    if missing:
        raise FormatError(
            f"{folder} has every file that its {MANIFEST} lists",
            received=f"none named {', '.join(missing)}",
            remedy="Copy the folder again, whole.",
        )
    kept = files.keys() - {CARD}  # which a person may edit
    listed = manifest.files.items()
    promised = {n: SourceFile(folder / n, sha256) for n, sha256 in listed if n in kept}
    return Source(str(folder), files | promised)


def _names(folder: Path) -> list[str]:
    found: list[str] = []
    for name in _walked(folder):
        found.append(name)
        if len(found) > _MOST_FILES:
            raise FormatError(
                f"The folder of a model holds at most {_MOST_FILES} files",
                received=f"more in {folder}",
                remedy="Give the folder that holds the model alone.",
            )
    return found


def _walked(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            inside = path.relative_to(folder).as_posix()
            if not name.startswith(".") and is_inside(inside) and path.is_file():
                yield inside
