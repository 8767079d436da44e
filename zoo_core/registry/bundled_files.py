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
        files = entry.get("files") if isinstance(entry, LinedDict) else None
        if not isinstance(sources, LinedDict) or not isinstance(files, LinedDict):
            continue
        bundled = sources.get("bundled")
        if not isinstance(bundled, str):
            continue
        folder = Path(path).parent / bundled
        if not folder.is_dir():
            if "hub" not in sources:
                message = f"{name}: there is no folder {bundled} beside this file."
                yield Finding(message, path, sources.line_of("bundled"))
            continue
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
