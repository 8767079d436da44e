"""A folder of this machine, seen as a checkpoint."""

from __future__ import annotations

from pathlib import Path

from zoo_core.checkpoints.sources import Source, SourceFile
from zoo_core.checkpoints.texts import (
    CONFIG,
    INDEX,
    MANIFEST,
    RECIPE,
    WEIGHTS,
    parse_manifest,
    read_text,
)
from zoo_core.errors import FormatError


def folder_source(folder: Path, *, mappable: bool = False) -> Source:
    """See a folder as a checkpoint; its manifest, where it has one, promises the hashes.

    Raises FormatError where it is no folder.
    """
    if not folder.is_dir():
        raise FormatError(
            "A path names the folder of a saved model",
            received=f"{folder}, which is {'a file' if folder.exists() else 'not there'}",
            remedy="Give the folder that zoo.save wrote.",
        )
    names = [path.name for path in folder.iterdir() if path.is_file()]
    files = {name: SourceFile(folder / name, mappable=mappable) for name in names}
    if MANIFEST not in files:
        return Source(str(folder), files)
    manifest = parse_manifest(read_text(files[MANIFEST]), str(folder))
    promised = {n: h for n, h in manifest.files.items() if n in (CONFIG, INDEX, WEIGHTS)}
    promised |= {n: h for n, h in manifest.files.items() if n.endswith(".safetensors")}
    # A model loads without its recipe; one that is there is the one that was saved.
    promised |= {n: h for n, h in manifest.files.items() if n == RECIPE and n in files}
    files |= {n: SourceFile(folder / n, sha256, mappable) for n, sha256 in promised.items()}
    missing = sorted(name for name in promised if name not in names)
    if missing:
        raise FormatError(
            f"{folder} has every file that its {MANIFEST} lists",
            received=f"none named {', '.join(missing)}",
            remedy="Copy the folder again, whole.",
        )
    return Source(str(folder), files)
