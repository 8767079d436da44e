"""The files that a registry file's models have beside it, against their sizes and hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo_core.plugins.finding import Finding
from zoo_core.plugins.yaml_file import LinedDict


def check_bundled(path: str, section: LinedDict) -> Iterator[Finding]:
    """Report bundled files that are missing, or other bytes than the entry says.

    The folder itself may be missing where the Hub has the files too.
    """
    models = section.get("models")
    for name, entry in models.items() if isinstance(models, LinedDict) else ():
        sources = entry.get("sources") if isinstance(entry, LinedDict) else None
        if isinstance(sources, LinedDict) and isinstance(sources.get("bundled"), str):
            yield from _check_entry(path, name, entry, sources)


def _check_entry(path: str, name: str, entry: LinedDict, sources: LinedDict) -> Iterator[Finding]:
    bundled, files = sources["bundled"], entry.get("files")
    folder = Path(path).parent / bundled
    if not folder.is_dir() and "hub" not in sources:
        message = f"{name}: there is no folder {bundled} beside this file."
        yield Finding(message, path, sources.line_of("bundled"))
    if not folder.is_dir() or not isinstance(files, LinedDict):
        return
    for file, promised in files.items():
        problem = difference(folder / file, promised)
        if problem is not None:
            yield Finding(f"{name}: {bundled}/{file} {problem}.", path, files.line_of(file))


def difference(file: Path, promised: Mapping[str, Any]) -> str | None:
    """Say how a file differs from its size and sha256; None where it doesn't."""
    if not file.is_file():
        return "is not there"
    size = file.stat().st_size
    if size != promised.get("size"):
        return f"has {size} bytes, not {promised.get('size')}"
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    return None if found == promised.get("sha256") else f"has the sha256 {found}"
