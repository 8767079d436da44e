"""The small JSON files of a checkpoint, read strictly, and the names of all its files."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from zoo_core.checkpoints.remembered import Findings, recall, remember
from zoo_core.checkpoints.sources import SourceFile, check_hash
from zoo_core.errors import FormatError, UnsafeFileError
from zoo_core.plugins.file_names import is_inside

FORMAT = 1
CONFIG = "config.json"
MANIFEST = "zoo_manifest.json"
CARD = "README.md"
RECIPE = "recipe.yaml"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
MAX_TEXT = 16 * 2**20
MAX_TABLE = 256 * 2**20
"""Of a text that is only handed on, such as a tokeniser's."""
_HASH = re.compile(r"[0-9a-f]{64}")


def read_text(file: SourceFile) -> bytes:
    """Read a small file whole and compare its hash. Raises IntegrityError, FormatError."""
    with file.path.open("rb") as stream:
        data = stream.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise FormatError(f"{file.path.name} has at most {MAX_TEXT} bytes", received=file.path)
    check_hash(file, hashlib.sha256(data).hexdigest())
    return data


def check_text(file: SourceFile) -> None:
    """Hash a text that may be larger, unless it is known unchanged, and compare.

    Raises IntegrityError, FormatError for more than 256 MiB.
    """
    before = os.stat(file.path)
    if before.st_size > MAX_TABLE:
        raise FormatError(
            f"{file.path.name} has at most {MAX_TABLE} bytes", received=before.st_size
        )
    if file.sha256 is None:
        return
    findings = recall(before)
    if findings is None:
        with file.path.open("rb") as stream:
            findings = Findings(hashlib.file_digest(stream, "sha256").hexdigest())
        check_hash(file, findings.sha256)
        remember(before, findings)
    check_hash(file, findings.sha256)


def parse_json(text: bytes, what: str) -> dict[str, Any]:
    """Read a JSON mapping without duplicate keys. Raises FormatError naming it."""
    try:
        fields = json.loads(text.decode(), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what} is JSON", received=str(error)[:200]) from None
    if not isinstance(fields, dict):
        raise FormatError(f"{what} is a JSON mapping", received=type(fields).__name__)
    return fields


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For json.loads: refuse a mapping that has a key twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"duplicate key {twice[:80]!r}")
    return found


@final
@dataclass(frozen=True)
class Manifest:
    """What zoo_manifest.json says: each file's sha256, and that of the card as it was generated."""

    files: Mapping[str, str]
    card: str | None = None

    def to_bytes(self) -> bytes:
        """Write it as zoo_manifest.json."""
        fields = {"format": FORMAT, "files": dict(sorted(self.files.items())), "card": self.card}
        return (json.dumps(fields, indent=2) + "\n").encode()


def parse_manifest(text: bytes, origin: str) -> Manifest:
    """Read the text of zoo_manifest.json. Raises FormatError, UnsafeFileError."""
    fields = parse_json(text, f"{MANIFEST} of {origin}")
    files, card = fields.get("files"), fields.get("card")
    if not isinstance(files, dict) or not (card is None or isinstance(card, str)):
        raise FormatError(f"{MANIFEST} maps files to sha256", received=f"another form in {origin}")
    for name, sha256 in files.items():
        if not is_inside(name) or not isinstance(sha256, str) or not _HASH.fullmatch(sha256):
            raise UnsafeFileError(
                f"{MANIFEST} names files of its own folder, each with a sha256",
                received=f"{name[:80]!r}: {str(sha256)[:80]!r} in {origin}",
                remedy="Nothing of it was used.",
            )
    return Manifest(files, card)
