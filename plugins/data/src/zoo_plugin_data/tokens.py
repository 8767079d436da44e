"""Texts as sequences of tokens, for models that bring a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest, Dataset
from zoo_core.interfaces.documents import texts_of_objects
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_core.interfaces.tokenizer import Tokenizer
from zoo_plugin_data.hashing import file_sha256
from zoo_plugin_data.opened import Opened
from zoo_plugin_data.text_file import decoded

SUFFIXES = (".txt", ".jsonl")


def tokenizer_of(request: DataRequest) -> Tokenizer | None:
    """Give the tokenizer of the model that rows are asked for; None where it has none."""
    return None if request.space is None else request.space.tokenizer


def open_tokens(path: Path, request: DataRequest) -> Opened:
    """Open a text file as sequences of tokens: a row a document, or a window of `length` tokens.

    The documents are those that `documents` says, in .jsonl the field `text` of each line. Line
    breaks are read as one character. The last window of a document is as long as it is. The
    splits are stretches of the text: the test is its end. Raises DataError.
    """
    if path.is_dir() or path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"Data for a model of text are a file that ends in {' or '.join(SUFFIXES)}",
            received=path.name,
            remedy="Write the texts into one, or call fit(texts).",
        )
    if request.condition or request.columns or request.weight:
        raise DataError(f"{path.name} is text", received="names of columns")
    text = "".join(piece for _, piece in decoded(path)).removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    objects = path.suffix.lower() == ".jsonl"
    documents = texts_of_objects(text, path.name) if objects else request.documents.parts(text)
    read = _rows(path.name, documents, request)
    return Opened(
        Batch(read.rows),
        request.space or Space.real(),
        file_sha256(path),
        f"{path.name}, {_counted(read.rows, request)}",
        characters=read.characters,
        lossless=read.lossless,
        in_order=True,
    )


def with_tokens(dataset: Dataset, request: DataRequest) -> Dataset:
    """Give a data set of characters as tokens: each sequence is a document, all windows are one.

    Raises DataError for a data set that is no text.
    """
    if not dataset.alphabet or not isinstance(dataset.data, Batch) or request.space is None:
        raise DataError(
            "Data for a model of text are text",
            received=f"{dataset.name}, which is {dataset.space}",
            remedy="Give a .txt file, or a data set of text, such as pydoc-topics.",
        )
    x = dataset.data.x
    sequences = list(x) if isinstance(x, Ragged) else [x.flatten()]
    documents = ["".join(dataset.alphabet[code] for code in row.tolist()) for row in sequences]
    read = _rows(dataset.name, documents, request)
    return Dataset(
        name=dataset.name,
        split=dataset.split,
        data=Batch(read.rows),
        space=request.space,
        provenance=f"{dataset.provenance} As {_counted(read.rows, request)}.",
        license=dataset.license,
        sha256=dataset.sha256,
        characters=read.characters,
        lossless=read.lossless,
    )


@final
@dataclass(frozen=True, eq=False)
class _Read:
    """Documents as rows of tokens: what `Dataset` says of them."""

    rows: Ragged
    characters: Int[Tensor, " n"] | None
    lossless: bool


def _rows(name: str, documents: Sequence[str], request: DataRequest) -> _Read:
    """Give the rows, and how many characters each has where it is a whole document."""
    tokenizer, space = tokenizer_of(request), request.space
    if tokenizer is None or space is None:
        raise DataError("A model of text has a tokenizer", received=space)
    encoded = tokenizer.encode(documents)
    found = [np.asarray(codes, np.int64) for codes in encoded]
    kept = [i for i, codes in enumerate(found) if len(codes)]
    if not kept:
        raise DataError(f"{name} holds at least one text", received="none")
    lengths = [_windows(len(found[i]), request.length) for i in kept]
    values = torch.from_numpy(np.concatenate([found[i] for i in kept]))
    rows = Ragged(
        space.check(values, what=name), torch.tensor([n for each in lengths for n in each])
    )
    whole = len(rows) == len(kept)
    return _Read(
        rows,
        torch.tensor([len(documents[i]) for i in kept]) if whole else None,
        lossless=tokenizer.decode(encoded) == list(documents),
    )


def _windows(tokens: int, length: int | None) -> list[int]:
    """Give the lengths of a document's windows."""
    if length is None:
        return [tokens]
    rest = tokens % length
    return [length] * (tokens // length) + [rest] * (rest > 0)


def _counted(rows: Ragged, request: DataRequest) -> str:
    """Say what the rows are."""
    tokenizer = tokenizer_of(request)
    windows = "texts" if request.length is None else f"windows of {request.length} tokens or fewer"
    name = "" if tokenizer is None else f", {tokenizer.name}"
    return f"{len(rows)} {windows}, {len(rows.values)} tokens{name}"
