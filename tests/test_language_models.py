"""Texts through every verb, with a tiny GPT-2 of transformers: sampled, scored, trained, measured."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

import zoo_core as zoo
from models import native
from models.text_chain import TextChain
from zoo_core.cli.root import zoo as command

WINDOW, STRIDE = 16, 8
BOOK = " ".join(native.TEXTS) + "\n"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of random weights that reads 16 tokens at once, as transformers saves it."""
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2")
    tokenizer = native.byte_tokenizer()
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=WINDOW,
        n_embd=16,
        n_layer=2,
        n_head=2,
        initializer_range=0.5,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("ZOO_HOME", "XDG_CONFIG_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("book.txt").write_text(BOOK, "utf-8")
    Path("long.txt").write_text(BOOK * 4, "utf-8")
    return lambda *args: CliRunner().invoke(command, [str(arg) for arg in args])


def _done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def _figures(run: Run, *args: Any) -> dict[str, dict[str, Any]]:
    found = json.loads(_done(run("evaluate", *args, "--json")))
    return {metric["name"]: metric for metric in found}


@pytest.fixture(scope="module")
def library(gpt2: Path) -> tuple[Any, Any]:
    """The library's own model, in double precision, and tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(gpt2).double().eval()
    return model, AutoTokenizer.from_pretrained(gpt2)


def documented(library: Any, text: str, max_length: int, stride: int, *, exact: bool) -> float:
    """What https://huggingface.co/docs/transformers/perplexity does, with the library alone.

    With `exact` a window's mean loss counts as often as it scores a token; the page counts one
    less in all windows but the first, whose first token alone isn't scored.
    """
    model, tokenizer = library
    ids = tokenizer(text, return_tensors="pt").input_ids
    length, total, count, done = ids.size(1), 0.0, 0, 0
    for begin in range(0, length, stride):
        end = min(begin + max_length, length)
        inputs = ids[:, begin:end]
        labels = inputs.clone()
        labels[:, : -(end - done)] = -100
        with torch.no_grad():
            loss = model(inputs, labels=labels).loss
        scored = int((labels[:, 1:] if exact else labels).ne(-100).sum()) - (not exact)
        total, count, done = total + float(loss) * scored, count + scored, end
        if end == length:
            break
    return math.exp(total / count)


def test_the_perplexity_of_a_text_is_the_one_that_transformers_documents(
    run: Run, gpt2: Path, library: Any
) -> None:
    name = "transformers perplexity"
    for stride in (STRIDE, 5, WINDOW):
        args = (gpt2, "--data", "book.txt", "--metric", name, "--option", f"stride={stride}")
        figure = _figures(run, *args)[name]
        expected = documented(library, BOOK, WINDOW, stride, exact=False)
        assert figure["value"] == pytest.approx(expected, rel=2e-6)
        assert figure["settings"]["stride"] == stride and figure["settings"]["window"] == WINDOW
        assert figure["settings"]["tokenizer"] == "byte-level BPE of 300 tokens"
        other = documented(library, BOOK, WINDOW, stride, exact=True)
        # What the page counts less is a small part of all: the two are close, and not the same.
        assert 1e-6 < abs(other / expected - 1) < 0.05 or stride == WINDOW


def test_a_text_of_one_window_has_one_perplexity_however_it_is_weighed(
    run: Run, gpt2: Path, library: Any
) -> None:
    Path("short.txt").write_text("the lazy dog", "utf-8")
    name = "transformers perplexity"
    found = _figures(run, gpt2, "--data", "short.txt", "--metric", name)[name]["value"]
    for exact in (True, False):
        expected = documented(library, "the lazy dog", WINDOW, STRIDE, exact=exact)
        assert found == pytest.approx(expected, rel=2e-6)


def test_perplexity_counts_every_token_after_the_start_code(
    run: Run, gpt2: Path, library: Any
) -> None:
    """It is what the page computes, weights counted right, of the text behind <|endoftext|>."""
    figures = _figures(run, gpt2, "--data", "book.txt")
    expected = documented(library, "<|endoftext|>" + BOOK, WINDOW, STRIDE, exact=True)
    assert figures["perplexity"]["value"] == pytest.approx(expected, rel=2e-6)
    assert figures["NLL/token"]["value"] == pytest.approx(math.log(expected), rel=2e-6)
    model: Any = zoo.load(str(gpt2))
    tokens = len(model.space.sequences(BOOK).values)
    bits = math.log2(expected) * tokens / len(BOOK)
    assert figures["bits/character"]["value"] == pytest.approx(bits, rel=2e-6)
    assert figures["bits/character"]["settings"]["stride"] == STRIDE


def test_a_prompt_is_continued_and_scored(run: Run, gpt2: Path) -> None:
    model: Any = zoo.load(str(gpt2))
    printed = _done(
        run(
            "sample",
            gpt2,
            "--observed",
            "The quick",
            "--n",
            3,
            "--seed",
            0,
            "--length",
            12,
            "--out",
            "x.jsonl",
        )
    )
    assert printed == "x.jsonl\n"
    made = [json.loads(line)["text"] for line in Path("x.jsonl").read_text("utf-8").splitlines()]
    known = zoo.Observed("The quick")
    again = model.sample(3, observed=known, lengths=12, rng=zoo.rng(0))
    assert made == model.space.texts(again) and all(t.startswith("The quick") for t in made)
    Path("lines.txt").write_text("\n".join(native.TEXTS[1:2]), "utf-8")
    score = float(_done(run("score", gpt2, "lines.txt", "--option", "stride=8")))
    assert score == pytest.approx(model.log_prob(native.TEXTS[1], stride=8).item(), rel=1e-5)


def test_a_language_model_is_trained_further_and_measured(run: Run, gpt2: Path) -> None:
    before = _figures(run, gpt2, "--data", "long.txt")["NLL/token"]["value"]
    train = ("train", "--init", gpt2, "--data", "long.txt", "--out", "runs/book", "--steps", 30)
    folder = _done(run(*train, "--length", 12, "--batch-size", 8, "--learning-rate", 0.01)).strip()
    recipe = Path("runs/book/recipe.yaml").read_text("utf-8")
    assert "length: 12" in recipe
    after = _figures(run, f"./{folder}", "--data", "./long.txt")["NLL/token"]
    assert after["value"] < before - 0.5 and after["n"] == 1
    own = _figures(run, f"./{folder}")["NLL/token"]
    assert own["split"] == "test" and own["n"] > 1


def test_a_text_models_recipe_makes_it_again(run: Run) -> None:
    zoo.register(TextChain)
    alphabet = "".join(sorted(set(BOOK)))
    settings = ("--set", f"alphabet={json.dumps(alphabet)}", "--set", "order=1")
    args = ("--data", "long.txt", "--out", "runs/chain", "--steps", 5, "--batch-size", 4)
    folder = Path(_done(run("train", "test/text-chain", *args, *settings)).strip())
    assert re.search(r"^  length: 128$", (folder / "recipe.yaml").read_text("utf-8"), re.M)
    assert "NLL/token" in _figures(run, f"./{folder}")
    updated = run("reproduce", f"./{folder}", "--update")
    assert updated.exit_code == 0, updated.output
    again = run("reproduce", f"./{folder}")
    assert again.exit_code == 0, again.output
    short = ("train", "test/text-chain", "--data", "long.txt", "--out", "runs/short", *settings)
    _done(run(*short, "--set", "window=9", "--steps", 1))
    assert "length: 9" in Path("runs/short/recipe.yaml").read_text("utf-8")
    lines = ("train", "test/text-chain", "--data", "long.txt", "--out", "runs/lines", *settings)
    _done(run(*lines, "--documents", "lines", "--steps", 1, "--all-rows", "--length", 400))
    assert "documents: lines" in Path("runs/lines/recipe.yaml").read_text("utf-8")
