"""zoo sample and zoo score of models of text, of sound and of moving pictures."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image

import zoo_core as zoo
from zoo_core.exchange import from_waveforms

Run = Callable[..., Result]
Saved = dict[str, str]


def _told(done: Result) -> str:
    """The error, without line breaks."""
    assert done.exit_code != 0, done.output
    return re.sub(r"\s+", " ", done.stderr)


def _texts(model: Any, n: int, seed: int, **more: Any) -> list[str]:
    return model.space.texts(model.sample(n, rng=zoo.rng(seed), **more))


def test_texts_are_printed_a_line_each(run: Run, saved: Saved) -> None:
    done = run("sample", saved["text"], "--n", "3", "--seed", "5", "--length", "7")
    assert done.exit_code == 0, done.output
    expected = _texts(zoo.load(saved["text"]), 3, 5, lengths=7)
    assert done.stdout.split("\n")[:-1] == expected
    assert {len(text) for text in expected} == {7}


def test_texts_of_several_lines_stand_under_headings(run: Run, saved: Saved) -> None:
    args = ("sample", saved["lines"], "--n", "2", "--seed", "0", "--length", "30")
    one, other = _texts(zoo.load(saved["lines"]), 2, 0, lengths=30)
    assert "\n" in one + other
    assert run(*args).stdout == f"--- 1 ---\n{one}\n--- 2 ---\n{other}\n"
    assert "write .jsonl" in _told(run(*args, "--out", "x.txt"))
    assert run(*args, "--out", "x.jsonl").stdout == "x.jsonl\n"
    written = Path("x.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in written] == [{"text": one}, {"text": other}]


def test_a_prompt_begins_every_text(run: Run, saved: Saved) -> None:
    model = zoo.load(saved["text"])
    args = ("sample", saved["text"], "--seed", "1", "--length", "8")
    done = run(*args, "--n", "4", "--observed", "abba c", "--option", "temperature=2")
    expected = _texts(model, 4, 1, lengths=8, observed=zoo.Observed("abba c"), temperature=2.0)
    assert done.stdout.split("\n")[:-1] == expected
    assert all(text.startswith("abba c") for text in expected)
    Path("p.txt").write_text("abba c\n", "utf-8")
    same = run(*args, "--n", "4", "--observed-file", "p.txt", "--option", "temperature=2")
    assert same.stdout == done.stdout


def test_several_prompts_share_the_samples_in_turn(run: Run, saved: Saved) -> None:
    args = ("sample", saved["text"], "--observed", "a", "--observed", "dad")
    assert [len(text) for text in run(*args).stdout.split("\n")] == [13, 15, 0]
    done = run(*args, "--n", "4").stdout.split("\n")[:-1]
    assert [text[:3] == "dad" for text in done[2:]] == [True, True]
    assert [text[0] for text in done[:2]] == ["a", "a"]
    assert "can't be shared by 2 of --observed" in _told(run(*args, "--n", "3"))
    Path("p.jsonl").write_text('{"text": "ab"}\n\n{"text": "dad"}\n', "utf-8")
    filed = run("sample", saved["text"], "--observed-file", "p.jsonl").stdout.split("\n")
    assert (filed[0][:2], filed[1][:3]) == ("ab", "dad")


def test_known_cells_of_rows_are_kept(run: Run, saved: Saved) -> None:
    args = ("sample", saved["table"], "--n", "3", "--seed", "2")
    done = run(*args, "--observed", "1.5,,-2")
    assert done.exit_code == 0, done.output
    known = torch.tensor([1.5, torch.nan, -2.0])
    expected = zoo.load(saved["table"]).sample(3, rng=zoo.rng(2), observed=zoo.Observed(known))
    rows = [[float(cell) for cell in line.split(",")] for line in done.stdout.split("\n")[1:-1]]
    assert torch.equal(torch.tensor(rows), expected)
    np.save("known.npy", known[None].numpy())
    assert run(*args, "--observed-file", "known.npy").stdout == done.stdout


def test_what_a_model_cannot_be_told_is_said(run: Run, saved: Saved) -> None:
    assert "can't be told a part" in _told(
        run("sample", saved["picture"], "--observed-file", _npy())
    )
    assert "give --observed-file" in _told(run("sample", saved["picture"], "--observed", "1,2"))
    both = run("sample", saved["text"], "--observed", "a", "--observed-file", _npy())
    assert "not both" in _told(both)
    assert "Row 1 has 3 numbers" in _told(run("sample", saved["table"], "--observed", "1"))
    assert "among 'abc d'" in _told(run("sample", saved["text"], "--observed", "x"))


def _npy() -> str:
    np.save("known.npy", np.full((1, 3, 4), 1))
    return "known.npy"


def test_texts_are_scored_as_the_model_scores_them(run: Run, saved: Saved) -> None:
    model, texts = zoo.load(saved["text"]), ["ab cad", "d", "a b"]
    expected = model.log_prob(texts).detach()
    lines = "\n".join([texts[0], "", *texts[1:], ""])
    Path("x.txt").write_text(lines, "utf-8")
    objects = "\n".join(json.dumps({"text": text}) for text in texts)
    Path("x.jsonl").write_text(objects, "utf-8")
    for args, stdin in ((("x.txt",), None), (("x.jsonl",), None), (("-",), lines)):
        done = run("score", saved["text"], *args, stdin=stdin)
        assert done.exit_code == 0, done.output
        scores = torch.tensor([float(line) for line in done.stdout.split()])
        torch.testing.assert_close(scores, expected)
        per_token = -float(expected.sum()) / 10
        assert f"{per_token:.4f} nats a token (characters of an alphabet of 5)" in done.stderr


def test_what_one_text_of_a_file_is_can_be_said(run: Run, saved: Saved) -> None:
    model = zoo.load(saved["lines"])
    Path("x.txt").write_text("ab\nba\n\n \nb\n", "utf-8")
    for documents, texts in (("lines", ["ab", "ba", "b"]), ("paragraphs", ["ab\nba", "b"])):
        done = run("score", saved["lines"], "x.txt", "--documents", documents)
        scores = [float(line) for line in done.stdout.split()]
        assert scores == pytest.approx(model.log_prob(texts).tolist(), rel=1e-5)
    Path("y.txt").write_text("ab\n\nb\n", "utf-8")
    whole = run("score", saved["lines"], "y.txt", "--documents", "file")
    assert float(whole.stdout) == pytest.approx(model.log_prob("ab\n\nb\n").item(), rel=1e-5)


def test_files_that_hold_no_texts_are_refused(run: Run, saved: Saved) -> None:
    for name, content, told in (
        ("x.txt", b"\n \n", "holds at least one text"),
        ("y.txt", b"\xff\xfe", "is text in UTF-8"),
        ("x.jsonl", b'{"text": "a"}\n{"words": 1}\n', "in line 2"),
        ("y.jsonl", b"[1]\n", "in line 1"),
        ("x.dat", b"a", "a data file ends in .txt, .jsonl, .csv"),
    ):
        Path(name).write_bytes(content)
        assert told in _told(run("score", saved["text"], name)), name
    Path("x.csv").write_text("1,2\n", "utf-8")
    other = run("score", saved["plane"], "x.csv", "--documents", "file")
    assert "for models of text" in _told(other)


def test_samples_in_codes_are_scored_as_the_texts(run: Run, saved: Saved) -> None:
    made = run("sample", saved["text"], "--n", "3", "--seed", "0").stdout
    expected = run("score", saved["text"], "-", stdin=made).stdout
    for name in ("x.csv", "x.safetensors", "x.txt", "x.jsonl"):
        run("sample", saved["text"], "--n", "3", "--seed", "0", "--out", name)
        assert run("score", saved["text"], name).stdout == expected, name


def test_sound_goes_to_a_file_a_sample(run: Run, saved: Saved) -> None:
    model = zoo.load(saved["sound"])
    done = run("sample", saved["sound"], "--n", "2", "--seed", "3", "--out", "x.wav")
    assert done.stdout == "x-1.wav\nx-2.wav\n"
    x = model.sample(2, rng=zoo.rng(3))
    assert isinstance(x, torch.Tensor)
    assert f"{float((x.abs() > 1).double().mean()):.2%} of the values are beyond" in done.stderr
    back = from_waveforms(model.space, ["x-1.wav", "x-2.wav"])
    torch.testing.assert_close(back, x.clamp(-1, 1), atol=2**-15, rtol=0)
    Path("samples-2.wav").touch()
    assert run("sample", saved["sound"], "--n", "1").stdout == "samples.wav\n"
    assert run("sample", saved["sound"], "--n", "2").stdout == "samples-1-1.wav\nsamples-1-2.wav\n"


def test_moving_pictures_go_to_a_gif(run: Run, saved: Saved) -> None:
    assert run("sample", saved["film"], "--n", "1", "--seed", "0").stdout == "samples.gif\n"
    with Image.open(io.BytesIO(Path("samples.gif").read_bytes())) as gif:
        assert (gif.size, getattr(gif, "n_frames", 1)) == ((5, 4), 7)


@pytest.mark.parametrize(
    ("name", "model", "told"),
    [
        ("x.wav", "plane", "for waveforms with a rate"),
        ("x.gif", "sound", "for frames with a rate"),
        ("x.txt", "chain", "is for text"),
        ("x.npy", "text", "sequences go to .csv"),
    ],
)
def test_formats_that_do_not_suit_are_refused(
    run: Run, saved: Saved, name: str, model: str, told: str
) -> None:
    assert told in _told(run("sample", saved[model], "--out", name))


def test_control_characters_are_printed_as_escapes() -> None:
    from zoo_core.cli.text_files import shown

    assert list(shown(["a\tb", "\x1b[31mred\r", "ü\x9b"])) == ["a\tb", r"\x1b[31mred\r", r"ü\x9b"]
