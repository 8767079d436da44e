"""Texts on their way in and out of files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from zoo_core.errors import DataError
from zoo_core.interfaces.documents import FIELD, Documents, texts_of_objects

SUFFIXES = (".txt", ".jsonl")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def read_texts(file: str, documents: Documents) -> list[str]:
    """Read the texts of a file: of .jsonl the field `text` of each line; - is stdin.

    Raises DataError for a file that holds none, or is no UTF-8.
    """
    try:
        with click.open_file(file, encoding="utf-8-sig") as stream:
            content = stream.read()
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is text in UTF-8", received=str(error)) from None
    objects = Path(file).suffix.lower() == ".jsonl"
    texts = texts_of_objects(content, file) if objects else documents.parts(content)
    if not texts:
        raise DataError(f"{file} holds at least one text", received="none")
    return texts


def shown(texts: Sequence[str]) -> Iterator[str]:
    """Give texts as they are printed: a line each, or, where any has several, under a heading.

    Control characters are written as escapes: a terminal would obey them.
    """
    texts = [_CONTROL.sub(lambda found: repr(found[0])[1:-1], text) for text in texts]
    if not any("\n" in text for text in texts):
        yield from texts
        return
    for number, text in enumerate(texts, start=1):
        yield f"--- {number} ---"
        yield text


def text_lines(texts: Sequence[str]) -> Iterator[str]:
    """Give the lines of a .txt file: a text each; one text alone is the file.

    Raises UsageError for several texts of more than one line.
    """
    if len(texts) > 1 and any("\n" in text for text in texts):
        raise click.UsageError("texts of several lines can't share a .txt file; write .jsonl")
    yield from texts


def object_lines(texts: Sequence[str]) -> Iterator[str]:
    """Give the lines of a .jsonl file, which hold any text."""
    yield from (json.dumps({FIELD: text}, ensure_ascii=False) for text in texts)
