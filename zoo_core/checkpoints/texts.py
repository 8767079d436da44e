"""The small JSON files of a checkpoint: config.json and zoo_manifest.json."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch

from zoo_core.checkpoints.header import DTYPES, NAMES, unique_keys
from zoo_core.checkpoints.pieces import check_hash
from zoo_core.checkpoints.sources import Source, SourceFile
from zoo_core.errors import FormatError, UnsafeFileError

FORMAT = 1
CONFIG = "config.json"
MANIFEST = "zoo_manifest.json"
CARD = "README.md"
RECIPE = "recipe.yaml"
MAX_TEXT = 16 * 2**20
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9._-]*")
_HASH = re.compile(r"[0-9a-f]{64}")


@final
@dataclass(frozen=True)
class Description:
    """What config.json says: the whole of a model but its tensors."""

    architecture: str
    config: Mapping[str, Any]
    plugins: Mapping[str, str]
    dtype: torch.dtype | None = None

    def to_bytes(self) -> bytes:
        """Write it as config.json."""
        fields: dict[str, Any] = {
            "format": FORMAT,
            "architecture": self.architecture,
            "config": dict(self.config),
            "plugins": dict(self.plugins),
        }
        if self.dtype is not None:
            fields["dtype"] = NAMES[self.dtype]
        return (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode()


def read_text(file: SourceFile) -> bytes:
    """Read a small file whole and compare its hash. Raises IntegrityError, FormatError."""
    with file.path.open("rb") as stream:
        data = stream.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise FormatError(f"{file.path.name} has at most {MAX_TEXT} bytes", received=file.path)
    check_hash(file, hashlib.sha256(data).hexdigest())
    return data


def read_description(source: Source) -> Description:
    """Read config.json of a checkpoint. Raises FormatError, UnsafeFileError."""
    return parse_description(read_text(source.file(CONFIG)), source.origin)


def parse_description(text: bytes, origin: str) -> Description:
    """Read the text of config.json strictly."""
    fields = parse_json(text, f"{CONFIG} of {origin}")
    version = fields.get("format")
    if type(version) is int and version > FORMAT:
        raise FormatError(
            f"This version of zoo-core reads saved models up to format {FORMAT}",
            received=f"format {version} in {origin}",
            remedy="Upgrade it: pip install --upgrade zoo-core.",
        )
    if version != FORMAT or not isinstance(fields.get("architecture"), str):
        raise FormatError(
            f"{CONFIG} has `format`: {FORMAT}, `architecture` and `config`",
            received=f"{', '.join(map(str, fields)) or 'no keys'} in {origin}",
            remedy="It was not written by zoo.save.",
        )
    unknown = sorted(fields.keys() - {"format", "architecture", "config", "plugins", "dtype"})
    if unknown:
        raise FormatError(
            f"{CONFIG} has only the keys format, architecture, config, plugins, dtype",
            received=f"{', '.join(unknown)} in {origin}",
        )
    return _described(fields, origin)


def _described(fields: Mapping[str, Any], origin: str) -> Description:
    name, config, plugins = fields["architecture"], fields.get("config"), fields.get("plugins", {})
    if not _ARCHITECTURE.fullmatch(name):
        raise UnsafeFileError(
            "An architecture is named like flows/nsf",
            received=f"{name[:80]!r} in {origin}",
            remedy="Nothing of it was used.",
        )
    if not isinstance(config, dict) or not isinstance(plugins, dict):
        raise FormatError("`config` and `plugins` are mappings", received=f"others in {origin}")
    dtype = fields.get("dtype")
    if dtype is not None and dtype not in DTYPES:
        raise FormatError(f"`dtype` is one of {', '.join(DTYPES)}", received=f"{dtype} in {origin}")
    versions = {str(name): str(version) for name, version in plugins.items()}
    return Description(name, config, versions, None if dtype is None else DTYPES[dtype])


def parse_json(text: bytes, what: str) -> dict[str, Any]:
    """Read a JSON mapping without duplicate keys. Raises FormatError naming it."""
    try:
        fields = json.loads(text.decode(), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what} is JSON", received=str(error)[:200]) from None
    if not isinstance(fields, dict):
        raise FormatError(f"{what} is a JSON mapping", received=type(fields).__name__)
    return fields


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
        plain = name not in (".", "..") and not set(name) & set("/\\:\0")
        if not plain or not isinstance(sha256, str) or not _HASH.fullmatch(sha256):
            raise UnsafeFileError(
                f"{MANIFEST} names files of its own folder, each with a sha256",
                received=f"{name[:80]!r}: {str(sha256)[:80]!r} in {origin}",
                remedy="Nothing of it was used.",
            )
    return Manifest(files, card)
