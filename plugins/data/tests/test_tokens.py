"""Text as the tokens of a model's own tokenizer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import pytest
import torch

import zoo_core as zoo
import zoo_plugin_data
from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.tokenizer import Tokenizer

MOST = 5


@final
class Chunks(Tokenizer):
    """A code for each run of one character, at most `MOST` of them; `¿` is unknown."""

    name = "runs of one letter"  # pyright: ignore[reportAssignmentType]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        runs = re.compile("|".join(rf"{re.escape(c)}{{1,{MOST}}}" for c in "ab c\n¿"))
        return [[self._code(run) for run in runs.findall(text)] for text in texts]

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        return [
            "".join("ab c\n"[code // MOST] * (code % MOST + 1) for code in codes)
            for codes in sequences
        ]

    def _code(self, run: str) -> int:
        return -1 if run[0] == "¿" else "ab c\n".index(run[0]) * MOST + len(run) - 1


SPACE = zoo.Space.categorical(5 * MOST, ragged=True, tokenizer=Chunks())
TEXT = "aab b\nccc\n\nabc\n \naaaaaaa b\n"


def _texts(data: Dataset) -> list[str]:
    assert isinstance(data.data, zoo.Batch) and isinstance(data.data.x, zoo.Ragged)
    return SPACE.texts(data.data.x)


def _read(folder: Path, content: str = TEXT, name: str = "book.txt", **asked: Any) -> Dataset:
    path = folder / name
    path.write_bytes(content.encode())
    return zoo_plugin_data.read(path, space=SPACE, **asked)


@pytest.mark.parametrize(
    ("documents", "texts"),
    [
        ("file", [TEXT]),
        ("lines", ["aab b", "ccc", "abc", "aaaaaaa b"]),
        ("paragraphs", ["aab b\nccc", "abc", "aaaaaaa b"]),
    ],
)
def test_a_row_is_a_document(tmp_path: Path, documents: str, texts: list[str]) -> None:
    data = _read(tmp_path, documents=documents)
    assert (data.space, _texts(data)) == (SPACE, texts)
    assert data.characters is not None and data.characters.tolist() == [len(t) for t in texts]
    assert "runs of one letter" in data.provenance and str(len(texts)) in data.provenance


def test_what_tokens_lose_is_said(tmp_path: Path) -> None:
    for asked in ({}, {"length": 3}, {"split": "test", "documents": "lines"}):
        assert _read(tmp_path, **asked).lossless
        assert not _read(tmp_path, TEXT.replace("b\n", "b?\n"), "other.txt", **asked).lossless
    assert not zoo_plugin_data.read("pydoc-topics", split="test", space=SPACE).lossless


def test_windows_of_a_document_are_all_of_it(tmp_path: Path) -> None:
    data = _read(tmp_path, length=3, documents="paragraphs")
    assert _texts(data) == ["aab ", "b\nccc", "abc", "aaaaaaa ", "b"]
    assert data.characters is None
    assert isinstance(data.data, zoo.Batch) and data.data.x.lengths.tolist() == [3, 3, 3, 3, 1]  # pyright: ignore[reportAttributeAccessIssue]


def test_line_breaks_and_marks_of_other_systems_are_read(tmp_path: Path) -> None:
    other = "\ufeff" + TEXT.replace("\n", "\r\n")
    assert _texts(_read(tmp_path, other)) == [TEXT]


def test_the_end_of_the_text_is_its_test(tmp_path: Path) -> None:
    parts = {s: _read(tmp_path, "a b " * 40, length=4, split=s) for s in Split}
    assert [len(parts[s]) for s in (Split.TRAIN, Split.VALID, Split.TEST)] == [32, 4, 4]
    every = "".join(_texts(parts[Split.ALL]))
    assert every == "a b " * 40
    alone = _read(tmp_path, "a\nb\nc\nab\nbc\nca\n", documents="lines", split="test")
    assert _texts(alone) == ["ca"] and alone.characters is not None
    assert alone.characters.tolist() == [2]


def test_objects_hold_a_document_each(tmp_path: Path) -> None:
    texts = ["a\n\nb", "", "ccc"]
    lines = "\n".join(json.dumps({"text": text, "number": 1}) for text in texts)
    assert _texts(_read(tmp_path, lines + "\n\n", "x.jsonl")) == ["a\n\nb", "ccc"]
    for line in ('{"words": "a"}', "[1]", '{"text": 1}', '{"text"'):
        with pytest.raises(DataError, match="in line 2"):
            _read(tmp_path, '{"text": "a"}\n' + line, "x.jsonl")


def test_a_data_set_of_characters_becomes_tokens() -> None:
    whole = zoo_plugin_data.load("pydoc-topics", "test")
    text = "".join(whole.alphabet[code] for code in whole.x.flatten())
    kept = "".join(re.findall(r"[ab c\n]", text))
    data = zoo_plugin_data.read("pydoc-topics", split="test", space=SPACE)
    assert _texts(data) == [kept] and data.sha256 == whole.sha256
    assert data.characters is not None and data.characters.tolist() == [len(text)]
    cut = zoo_plugin_data.read("pydoc-topics", split="test", space=SPACE, length=100)
    assert "".join(_texts(cut)) == kept and len(cut) > 10
    letters = zoo_plugin_data.read("pydoc-letters", split="test", space=SPACE)
    assert len(letters) == len(zoo_plugin_data.load("pydoc-letters", "test"))


@pytest.mark.parametrize(
    ("name", "content", "asked", "told"),
    [
        ("x.txt", "", {}, "at least one text"),
        ("x.txt", "dd", {}, "at least one text"),
        ("x.txt", "a¿b", {}, "Codes of x.txt lie between 0 and 24"),
        ("x.txt", "a", {"condition": "label"}, "x.txt is text"),
        ("x.csv", "a\n1\n", {}, r"ends in .txt or .jsonl"),
        ("x.txt", "a", {"documents": "words"}, "file, lines, paragraphs"),
    ],
)
def test_what_is_no_text_is_refused(
    tmp_path: Path, name: str, content: str, asked: dict[str, Any], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        _read(tmp_path, content, name, **asked)


def test_rows_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="to_json"):
        zoo_plugin_data.read("hf://datasets/somebody/texts", space=SPACE)
    with pytest.raises(DataError, match="moons, which is real"):
        zoo_plugin_data.read("moons", space=SPACE)
    (tmp_path / "x.txt").write_bytes(b"a\n\xff")
    with pytest.raises(DataError, match="0xff in line 2"):
        zoo_plugin_data.read(tmp_path / "x.txt", space=SPACE)
    with pytest.raises(DataError, match=r"ends in .txt or .jsonl"):
        zoo_plugin_data.read(tmp_path, space=SPACE)


def test_many_rows_are_taken_by_their_numbers() -> None:
    lengths = torch.arange(50) % 7
    rows = zoo.Ragged(torch.arange(int(lengths.sum())), lengths)
    chosen = torch.tensor([6, 0, 49, 6])
    assert [row.tolist() for row in rows[chosen]] == [list(rows)[i].tolist() for i in chosen]
