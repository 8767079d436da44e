"""The tokenizer of a model in transformers' format, and the part of a configuration it is held in.

What it gives is what transformers' AutoTokenizer gives for the same files: the library's own
rules choose the class, and its `tokenizers` does the splitting. No code of a repository is run.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from zoo_core.config import Config, FrozenDict, thaw
from zoo_core.errors import DataError, FormatError, UnsupportedError
from zoo_core.interfaces.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend
    from transformers import PreTrainedTokenizerFast

_CHOOSING = ("model_type", "model_name", "tokenizer_class", "transformers_version")
"""What of a model's config.json transformers chooses a tokenizer's class by."""
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_TEMPLATE = "chat_template.jinja"
_MEMORY = "/dev/shm"
_BUILT = 8
"""How many tokenizers are kept parsed at once: one of 50 000 tokens takes about 0.1 s to parse."""


@final
class TokenizerConfig(Config):
    """All that a tokenizer is made of, as its native files hold it.

    definition: the text of tokenizer.json. files: the contents of the files beside it. model:
    the few fields of the model's config.json by which transformers chooses the tokenizer's class.
    """

    definition: str
    files: FrozenDict = FrozenDict()
    model: FrozenDict = FrozenDict()

    @classmethod
    def of(cls, source: Path | PreTrainedTokenizerFast) -> TokenizerConfig:
        """Take a tokenizer from a folder of native files, or a live one of transformers.

        A folder without tokenizer.json (vocab.json and merges.txt, or vocab.txt) is converted by
        transformers. Raises UnsupportedError for one that it can't convert without more packages.
        """
        if not isinstance(source, Path):
            return _described(source)
        if not (source / "tokenizer.json").is_file():
            return _described(_opened(source))
        files: dict[str, Any] = {name: _harmless(_json(source / name)) for name in _BESIDE}
        if (source / _TEMPLATE).is_file():
            files[_TEMPLATE] = (source / _TEMPLATE).read_text("utf-8")
        native = _json(source / "config.json") or {}
        return cls(
            definition=(source / "tokenizer.json").read_text("utf-8"),
            files=FrozenDict({name: held for name, held in files.items() if held is not None}),
            model=FrozenDict({key: native[key] for key in _CHOOSING if native.get(key)}),
        )

    def built(self) -> PreTrainedTokenizerFast:
        """Give transformers' own tokenizer, a copy: a call with `padding` changes it for good."""
        return copy.deepcopy(_shared(self))

    def write(self, folder: Path) -> None:
        """Write the native files, from which transformers makes the same tokenizer."""
        self.built().save_pretrained(folder)


@final
class TextTokenizer(Tokenizer):
    """Texts to a model's codes and back, as transformers' tokenizer of the same files does it.

    Nothing is put in front or behind. Special tokens that stand in a text are the codes they
    stand for, and are in the text again that codes give.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        self.config = config

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextTokenizer) and self.config == other.config

    def __hash__(self) -> int:
        return hash(self.config)

    def __repr__(self) -> str:
        return f"TextTokenizer({self.name})"

    @property
    def name(self) -> str:
        """Say how texts are split, in words."""
        backend = self._backend()
        kind = type(backend.model).__name__
        kind = f"byte-level {kind}" if type(backend.decoder).__name__ == "ByteLevel" else kind
        return f"{kind} of {backend.get_vocab_size()} tokens"

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Give the codes of each text; −1 stands for the mask token, where there is one.

        Raises DataError for one text alone, whose characters would be taken for texts.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise DataError(
                "A tokenizer encodes a list of texts",
                received="one text" if isinstance(texts, str) else "other things in it",
                remedy="Give encode([text]).",
            )
        mask = self._mask()
        encoded = self._backend().encode_batch_fast(list(texts), add_special_tokens=False)
        if mask is None:
            return [one.ids for one in encoded]
        return [[-1 if code == mask else code for code in one.ids] for one in encoded]

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Give the text of each sequence of codes.

        Raises DataError for one sequence alone, and for −1 without a mask token.
        """
        if not all(isinstance(codes, Sequence) for codes in sequences):
            raise DataError(
                "A tokenizer decodes a list of sequences of codes, whole numbers in lists",
                received=f"{type(sequences).__name__} of {type(next(iter(sequences))).__name__}",
                remedy="Give decode([codes]); of a tensor [n, length], decode(codes.tolist()).",
            )
        mask = self._mask()
        if mask is None and any(code < 0 for codes in sequences for code in codes):
            raise DataError("This tokenizer has no token for an unknown entry", received="code -1")
        known = [[code if code >= 0 else mask or 0 for code in codes] for codes in sequences]
        # Not decode_batch: CLIP's tokenizer of transformers has a decode of its own.
        backend = self._backend()
        return [backend.decode(codes, skip_special_tokens=False) for codes in known]

    def _backend(self) -> Backend:
        return _shared(self.config).backend_tokenizer

    def _mask(self) -> int | None:
        code = _shared(self.config).mask_token_id
        return code if isinstance(code, int) else None


def _shared(config: TokenizerConfig) -> PreTrainedTokenizerFast:
    """Give the one tokenizer that all of a configuration share, parsed once, never changed."""
    return _built(config)  # pyright: ignore[reportArgumentType]  a frozen model has a hash


@functools.lru_cache(_BUILT)
def _built(config: TokenizerConfig) -> PreTrainedTokenizerFast:
    with tempfile.TemporaryDirectory(dir=_scratch()) as name:
        folder = Path(name)
        (folder / "tokenizer.json").write_text(config.definition, "utf-8")
        (folder / "config.json").write_text(json.dumps(thaw(config.model)), "utf-8")
        for file, held in config.files.items():
            text = held if isinstance(held, str) else json.dumps(thaw(held))
            (folder / file).write_text(text, "utf-8")
        tokenizer = _opened(folder)
    # What a text is cut or filled to is the caller's, not the file's.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def _scratch() -> str | None:
    """Give a place in memory for files that are read once; None for the system's usual one.

    Removing them from a disk took a tenth of the time of opening a model and its tokenizer.
    """
    return _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else None


def _opened(folder: Path) -> PreTrainedTokenizerFast:
    """Let transformers open a folder of native files, without any code of it."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # whatever a stranger's files make the library raise
        raise _unsupported(str(error).strip().split("\n")[0]) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise _unsupported(f"a {type(tokenizer).__name__}, which has no tokenizer.json")
    return tokenizer


def _unsupported(received: str) -> UnsupportedError:
    return UnsupportedError(
        "A tokenizer is read from tokenizer.json, or from what transformers converts to it",
        received=received,
        remedy="Convert it once, where sentencepiece and tiktoken are installed: "
        "AutoTokenizer.from_pretrained(…).save_pretrained(…).",
    )


def _described(tokenizer: PreTrainedTokenizerFast) -> TokenizerConfig:
    with tempfile.TemporaryDirectory() as name:
        tokenizer.save_pretrained(name)
        return TokenizerConfig.of(Path(name))


def _json(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        held = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise FormatError(f"{file.name} holds JSON", received=str(error)) from None
    if not isinstance(held, dict):
        raise FormatError(f"{file.name} holds a JSON object", received=type(held).__name__)
    return held


def _harmless(settings: dict[str, Any] | None) -> dict[str, Any] | None:
    """Leave out what names code, files or places: none of it is honoured."""
    if settings is None:
        return None
    refused = ("auto_map", "init_inputs", "is_local", "local_files_only", "name_or_path")
    return {
        key: value
        for key, value in settings.items()
        if key not in refused and not key.endswith(("_file", "_files"))
    }
