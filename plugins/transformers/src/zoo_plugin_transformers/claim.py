"""Which repositories are in transformers' format, and which of their files are read.

Nothing here imports transformers or torch: a repository is fetched by what its small files say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zoo_core.errors import FormatError, UnsafeFileError, UnsupportedError
from zoo_core.hooks.repository import Repository
from zoo_plugin_transformers.foreign import foreign_field

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
MAX_SHARDS = 1000

_TEXTS = (
    *("generation_config.json", "preprocessor_config.json", "processor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "vocab.txt", "chat_template.jinja"),
)
_SENTENCEPIECE = ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model")
TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", *_SENTENCEPIECE)
"""Files any of which makes a tokenizer; SentencePiece's tables count where there is no other."""
_MAY_NAME_CODE = (CONFIG, *(name for name in _TEXTS if name.endswith("_config.json")))
_DIFFUSERS = ("model_index.json", "scheduler_config.json")
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.safetensors")
_OTHER_WEIGHTS = (".safetensors", ".bin", ".pt", ".h5", ".msgpack", ".ckpt", ".gguf", ".onnx")


def claimed_files(repository: Repository) -> tuple[str, ...] | None:
    """List the files of a repository in transformers' format; None for any other.

    Raises UnsafeFileError for one that needs code or names a path, UnsupportedError for quantised
    weights, FormatError for one without safetensors or with a wrong index.
    """
    config = _config_of(repository)
    if config is None:
        return None
    _refuse_code(repository)
    _refuse_quantised(config, repository.origin)
    return (CONFIG, *_texts(repository.sizes), *_weights(repository))


def _texts(names: Iterable[str]) -> tuple[str, ...]:
    """Choose what lies beside the weights, and SentencePiece's tables where nothing else splits."""
    there = set(names)
    converted = () if there & {"tokenizer.json", "vocab.json", "vocab.txt"} else _SENTENCEPIECE
    return tuple(name for name in (*_TEXTS, *converted) if name in there)


def _config_of(repository: Repository) -> dict[str, Any] | None:
    """Read config.json where it is one of transformers' and not of a part of a pipeline."""
    names = repository.sizes
    if CONFIG not in names or any(name in names for name in _DIFFUSERS):
        return None
    config = repository.read_json(CONFIG)
    ours = isinstance(config.get("model_type"), str) and "_class_name" not in config
    return config if ours else None


def _refuse_code(repository: Repository) -> None:
    """Raise UnsafeFileError where a small file names code of the repository or of another."""
    for name in _MAY_NAME_CODE:
        found = foreign_field(repository.read_json(name)) if name in repository.sizes else None
        if found is not None:
            raise UnsafeFileError(
                f"{repository.origin} names code of its own, which is never run",
                received=f"{found[:200]} in {name}",
                remedy="Where transformers has a class of its own for this model, a copy of the "
                "folder without this entry loads, and runs that class. Else choose a model whose "
                "code is part of transformers.",
            )


def _refuse_quantised(config: Mapping[str, Any], origin: str) -> None:
    quantisation = config.get("quantization_config") or config.get("compression_config")
    if quantisation:
        method = quantisation.get("quant_method") if isinstance(quantisation, dict) else None
        raise UnsupportedError(
            "Weights are floating point numbers",
            received=f"weights quantised by {method or 'an unnamed method'} in {origin}",
            remedy="Load the repository that they were quantised from.",
        )


def _weights(repository: Repository) -> tuple[str, ...]:
    """Name the files of the weights: one, or the index and the shards that it names."""
    if WEIGHTS in repository.sizes:
        return (WEIGHTS,)
    if INDEX in repository.sizes:
        return (INDEX, *_shards(repository))
    raise _without_weights(repository)


def _shards(repository: Repository) -> tuple[str, ...]:
    """Read the shards' names from the index, each a file in the same folder that is there."""
    origin = repository.origin
    named = _places(repository.read(INDEX), origin)
    if not named or len(named) > MAX_SHARDS:
        raise FormatError(
            f"{INDEX} names 1 to {MAX_SHARDS} files", received=f"{len(named)} in {origin}"
        )
    _refuse_each(
        [name for name in named if not _SHARD.fullmatch(name)],
        lambda shown: UnsafeFileError(
            f"{INDEX} names safetensors files in the same folder", received=f"{shown} in {origin}"
        ),
    )
    _refuse_each(
        [name for name in named if name not in repository.sizes],
        lambda shown: FormatError(
            f"Every file that {INDEX} names is there",
            received=f"none named {shown} in {origin}",
            remedy="The repository is incomplete: ask its owner, or choose another revision.",
        ),
    )
    return named


def _places(text: bytes, origin: str) -> tuple[str, ...]:
    try:
        places = json.loads(text)["weight_map"]
        if all(isinstance(file, str) for file in places.values()):
            return tuple(sorted(set(places.values())))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise FormatError(
        f"{INDEX} maps the name of each tensor to a file", received=f"another form in {origin}"
    )


def _refuse_each(names: list[str], error: Callable[[str], Exception]) -> None:
    if names:
        raise error(", ".join(repr(name[:80]) for name in names[:5]))


def _without_weights(repository: Repository) -> FormatError:
    """Make the error for a repository without safetensors that this plugin reads."""
    others = [name for name in sorted(repository.sizes) if name.endswith(_OTHER_WEIGHTS)]
    return FormatError(
        f"A model in transformers' format has its weights in {WEIGHTS}, or in what {INDEX} names",
        received=f"{', '.join(others[:5]) or 'no weights'} in {repository.origin}",
        remedy="Weights of other forms, variants and adapters aren't read; pickles never are.",
    )
