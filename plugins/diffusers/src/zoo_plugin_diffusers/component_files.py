"""Which files of a repository a component is read from: its configuration and its safetensors.

Nothing here imports diffusers or transformers: files are chosen by what small files say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

from zoo_core.errors import FormatError, UnsafeFileError
from zoo_core.hooks.repository import Repository
from zoo_plugin_diffusers.component import refuse_code

MAX_SHARDS = 1000

_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.safetensors")
_PICKLE = re.compile(r".*\.(bin|ckpt|pt|pth|pkl|pickle|msgpack|h5)")
_TOKENIZER = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "vocab.txt", "spiece.model", "tokenizer.model"),
)
_READABLE_TOKENIZERS = ({"tokenizer.json"}, {"vocab.json", "merges.txt"}, {"vocab.txt"})


@final
class Stem(StrEnum):
    """How each library calls its weights."""

    DIFFUSERS = "diffusion_pytorch_model"
    TRANSFORMERS = "model"


@final
@dataclass(frozen=True)
class Place:
    """Where a component lies in a repository: a folder, or the top."""

    repository: Repository
    folder: str = ""

    def path(self, name: str) -> str:
        """Give a file's name in the repository."""
        return f"{self.folder}/{name}" if self.folder else name

    def has(self, name: str) -> bool:
        """Say whether there is such a file here."""
        return self.path(name) in self.repository.sizes

    def names(self) -> list[str]:
        """List the files of this very folder."""
        start = self.path("")
        inside = [name for name in self.repository.sizes if name.startswith(start)]
        return sorted(n for n in (name[len(start) :] for name in inside) if "/" not in n)

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a small file that names no code. Raises FormatError, UnsafeFileError."""
        fields = self.repository.read_json(self.path(name))
        refuse_code(fields)
        return fields

    def __str__(self) -> str:
        return f"{self.folder} of {self.repository.origin}" if self.folder else self.origin

    @property
    def origin(self) -> str:
        """How messages call the repository."""
        return self.repository.origin


def module_files(place: Place, stem: Stem) -> list[str]:
    """Name the configuration and the weights of a module, variants such as fp16 left out.

    Raises UnsafeFileError for pickles alone, for code, and for an index that names paths;
    UnsupportedError for quantised weights; FormatError for files that aren't there.
    """
    place.read_json("config.json")
    weights, index = f"{stem}.safetensors", f"{stem}.safetensors.index.json"
    if place.has(weights):
        names = ["config.json", weights]
    elif place.has(index):
        names = ["config.json", index, *_shards(place, index)]
    else:
        raise _without_weights(place, weights, index)
    return [place.path(name) for name in names]


def scheduler_files(place: Place) -> list[str]:
    """Name the one file of a scheduler. Raises FormatError, UnsafeFileError."""
    place.read_json("scheduler_config.json")
    return [place.path("scheduler_config.json")]


def tokenizer_files(place: Place) -> list[str]:
    """Name the files of a tokenizer. Raises FormatError where they are of no kind that is read."""
    there = [name for name in _TOKENIZER if place.has(name)]
    if not any(kind <= set(there) for kind in _READABLE_TOKENIZERS):
        raise FormatError(
            "A tokenizer is read from tokenizer.json, or from vocab.json and merges.txt",
            received=f"{', '.join(place.names()[:5]) or 'no files'} in {place}",
        )
    if "tokenizer_config.json" in there:
        place.read_json("tokenizer_config.json")
    return [place.path(name) for name in there]


def _shards(place: Place, index: str) -> list[str]:
    """Read the shards' names from an index, each a file in the same folder that is there."""
    named = _named(place, index)
    if not named or len(named) > MAX_SHARDS:
        raise FormatError(
            f"{index} names 1 to {MAX_SHARDS} files", received=f"{len(named)} in {place}"
        )
    outside = [name for name in named if not _SHARD.fullmatch(name)]
    if outside:
        raise UnsafeFileError(
            f"{index} names safetensors files in the same folder",
            received=f"{_first_few(outside)} in {place}",
        )
    missing = [name for name in named if not place.has(name)]
    if missing:
        raise FormatError(
            f"Every file that {index} names is there",
            received=f"none named {_first_few(missing)} in {place}",
            remedy="The repository is incomplete: ask its owner, or choose another revision.",
        )
    return named


def _named(place: Place, index: str) -> list[str]:
    try:
        files = json.loads(place.repository.read(place.path(index)))["weight_map"].values()
        if all(isinstance(file, str) for file in files):
            return sorted(set(files))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise FormatError(
        f"{index} maps the name of each tensor to a file", received=f"another form in {place}"
    )


def _without_weights(place: Place, weights: str, index: str) -> FormatError | UnsafeFileError:
    names = place.names()
    pickles = [name for name in names if _PICKLE.fullmatch(name)]
    others = [name for name in names if name.endswith((".safetensors", ".gguf"))]
    if pickles and not others:
        return UnsafeFileError(
            f"{place} has no weights but pickles, which can run code and are never opened",
            received=_first_few(pickles),
            remedy="Ask its owner to add safetensors, or choose a repository that has them.",
        )
    return FormatError(
        f"A module's weights are in {weights}, or in what {index} names",
        received=f"{_first_few(others) if others else 'neither'} in {place}",
        remedy="Variants (fp16, ema), adapters and other formats than safetensors aren't read.",
    )


def _first_few(names: Iterable[str]) -> str:
    return ", ".join(repr(name[:80]) for name in list(names)[:5])
