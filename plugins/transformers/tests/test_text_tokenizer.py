"""Tokenizers from native files, against transformers' own of the same files."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

import zoo_core as zoo
from models import native
from zoo_core.errors import DataError, FormatError, UnsupportedError
from zoo_plugin_transformers import text_tokenizer
from zoo_plugin_transformers.text_tokenizer import TextTokenizer, TokenizerConfig

TEXTS = [*native.TEXTS, "", "  two  spaces\n", "naïve café ☕ 猫", "<|endoftext|> and on"]
NAMES = ["gpt2", "llama", "bert", "t5", "clip"]


@pytest.mark.parametrize("name", NAMES)
def test_codes_are_those_of_transformers(saved: Callable[[str], Path], name: str):
    folder = saved(name)
    theirs = AutoTokenizer.from_pretrained(folder)
    ours = TextTokenizer(TokenizerConfig.of(folder))
    expected = theirs(TEXTS, add_special_tokens=False).input_ids
    assert ours.encode(TEXTS) == expected
    assert ours.decode(expected) == theirs.batch_decode(
        expected, skip_special_tokens=False, clean_up_tokenization_spaces=False
    )


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_byte_level_texts_come_back_as_they_were(saved: Callable[[str], Path], name: str):
    tokenizer = TextTokenizer(TokenizerConfig.of(saved(name)))
    assert tokenizer.decode(tokenizer.encode(TEXTS)) == TEXTS


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_the_same_tokenizer(
    saved: Callable[[str], Path], tmp_path: Path, name: str
):
    config = TokenizerConfig.of(saved(name))
    config.write(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    first = AutoTokenizer.from_pretrained(saved(name))
    assert again(TEXTS).input_ids == first(TEXTS).input_ids
    assert again.special_tokens_map == first.special_tokens_map
    assert again.model_max_length == first.model_max_length
    assert TextTokenizer(TokenizerConfig.of(tmp_path)).encode(TEXTS) == TextTokenizer(
        config
    ).encode(TEXTS)


def test_a_live_tokenizer_is_taken_as_it_is(saved: Callable[[str], Path]):
    live = AutoTokenizer.from_pretrained(saved("gpt2"))
    live.add_tokens(["cat sat"])
    tokenizer = TextTokenizer(TokenizerConfig.of(live))
    assert tokenizer.encode(["the cat sat"]) == live(["the cat sat"]).input_ids
    assert tokenizer.name == f"byte-level BPE of {len(live)} tokens"


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_vocabularies_without_tokenizer_json_are_converted(
    saved: Callable[[str], Path], tmp_path: Path, name: str
):
    live = AutoTokenizer.from_pretrained(saved(name))
    model = json.loads(live.backend_tokenizer.to_str())["model"]
    if name == "gpt2":
        merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
        (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]), "utf-8")
        (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]), "utf-8")
    else:
        words = sorted(model["vocab"], key=model["vocab"].__getitem__)
        (tmp_path / "vocab.txt").write_text("\n".join(words), "utf-8")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": name}), "utf-8")
    tokenizer = TextTokenizer(TokenizerConfig.of(tmp_path))
    expected = AutoTokenizer.from_pretrained(tmp_path)(TEXTS, add_special_tokens=False).input_ids
    assert tokenizer.encode(TEXTS) == expected
    assert max(len(codes) for codes in expected) > 3


def test_masked_words_are_unknown_codes(saved: Callable[[str], Path]):
    tokenizer = TextTokenizer(TokenizerConfig.of(saved("bert")))
    codes = tokenizer.encode(["the [MASK] sat"])[0]
    assert codes.count(-1) == 1
    assert tokenizer.decode([codes]) == ["the [MASK] sat"]
    without = TextTokenizer(TokenizerConfig.of(saved("gpt2")))
    with pytest.raises(DataError, match="no token for an unknown entry"):
        without.decode([[3, -1]])


def test_one_text_or_sequence_alone_is_refused(saved: Callable[[str], Path]):
    tokenizer = TextTokenizer(TokenizerConfig.of(saved("bert")))
    (codes,) = tokenizer.encode(["the cat"])
    one: Any = "the cat"
    with pytest.raises(DataError, match=r"encode\(\[text\]\)"):
        tokenizer.encode(one)
    mixed: Any = ["the cat", 3]
    with pytest.raises(DataError, match="a list of texts"):
        tokenizer.encode(mixed)
    flat: Any = codes
    with pytest.raises(DataError, match=r"list of int.*decode\(\[codes\]\)"):
        tokenizer.decode(flat)
    rows: Any = torch.tensor([codes])
    with pytest.raises(DataError, match="tolist"):
        tokenizer.decode(rows)
    assert tokenizer.encode([]) == tokenizer.decode([]) == []
    assert tokenizer.decode([tuple(codes)]) == ["the cat"]


def test_it_is_parsed_once_and_by_need(
    saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
):
    opened: list[Path] = []
    opens = text_tokenizer._opened
    monkeypatch.setattr(text_tokenizer, "_opened", lambda p: (opened.append(p), opens(p))[1])
    text_tokenizer._built.cache_clear()
    config = TokenizerConfig.of(saved("gpt2"))
    tokenizer = TextTokenizer(config)
    space = zoo.Space.categorical(300, ragged=True, tokenizer=tokenizer)
    assert not opened
    twins = [copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer)), space.tokenizer]
    assert TokenizerConfig.parse(config.to_json()) == config
    assert all(twin == tokenizer and hash(twin) == hash(tokenizer) for twin in twins)
    assert len({str(twin.encode(TEXTS)) for twin in [tokenizer, *twins] if twin}) == 1
    assert len(opened) == 1


def test_padding_and_truncation_of_the_file_are_not_ours(
    saved: Callable[[str], Path], tmp_path: Path
):
    live = AutoTokenizer.from_pretrained(saved("gpt2"))
    live.backend_tokenizer.enable_truncation(2)
    live.backend_tokenizer.enable_padding(length=9)
    live.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    tokenizer = TextTokenizer(TokenizerConfig.of(tmp_path))
    plain = TextTokenizer(TokenizerConfig.of(saved("gpt2")))
    assert tokenizer.encode(TEXTS) == plain.encode(TEXTS)
    plain.config.built()(["a longer text"], truncation=True, max_length=2)
    assert plain.encode(TEXTS) == tokenizer.encode(TEXTS)


def test_no_code_and_no_place_of_a_repository_is_heeded(
    saved: Callable[[str], Path], tmp_path: Path
):
    for file in saved("gpt2").iterdir():
        if "token" in file.name:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    secret = tmp_path / "secret"
    secret.write_text("{}")
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    settings |= {"auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}}
    settings |= {"tokenizer_class": "Evil", "vocab_file": str(secret), "name_or_path": "/etc"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    config = TokenizerConfig.of(tmp_path)
    assert not {"auto_map", "vocab_file", "name_or_path"} & set(
        config.files["tokenizer_config.json"]
    )
    plain = TextTokenizer(TokenizerConfig.of(saved("gpt2")))
    assert TextTokenizer(config).encode(TEXTS) == plain.encode(TEXTS)


def test_what_cannot_be_read_is_said(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "tokenizer.model").write_bytes(b"a sentencepiece model")
    with pytest.raises(UnsupportedError, match=r"tokenizer.json.*sentencepiece"):
        TokenizerConfig.of(tmp_path)
    (tmp_path / "tokenizer.json").write_text("[]")
    with pytest.raises(UnsupportedError, match="tokenizer.json"):
        TextTokenizer(TokenizerConfig.of(tmp_path)).encode(["a"])
    (tmp_path / "tokenizer_config.json").write_text("no JSON")
    with pytest.raises(FormatError, match="tokenizer_config.json holds JSON"):
        TokenizerConfig.of(tmp_path)
