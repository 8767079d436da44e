"""config.json: what a saved model is, but for its tensors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch

from zoo_core.checkpoints.header import DTYPES, NAMES
from zoo_core.checkpoints.sources import Source
from zoo_core.checkpoints.texts import CONFIG, FORMAT, parse_json, read_text
from zoo_core.errors import FormatError, UnsafeFileError

_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9._-]*")


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
