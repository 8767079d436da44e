"""zoo score"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from safetensors.torch import load_file, save_file

import zoo_core as zoo

Run = Callable[..., Result]
Saved = dict[str, str]


def _numbers(done: Result) -> torch.Tensor:
    assert done.exit_code == 0, done.output
    return torch.tensor([float(line) for line in done.stdout.split()])


@pytest.fixture
def files(run: Run, saved: Saved) -> list[str]:
    """Ten rows of the plane in every format."""
    x = zoo.load(saved["plane"]).sample(10, rng=zoo.rng(3))
    np.save("x.npy", x.numpy())
    save_file({"x": x, "other": x[:3].clone()}, "x.safetensors")
    save_file({"only": x}, "y.safetensors")
    np.savetxt("x.csv", x.numpy(), delimiter=",", header="x0,x1", comments="", fmt="%.9g")
    np.savetxt("turned.csv", x.numpy()[:, ::-1], delimiter=",", header="x1,x0", comments="")
    np.savetxt("bare.csv", x.numpy(), delimiter=",", fmt="%.9g")
    return ["x.npy", "x.safetensors", "y.safetensors", "x.csv", "turned.csv", "bare.csv"]


def test_every_format_gives_the_models_own_scores(run: Run, saved: Saved, files: list[str]) -> None:
    model = zoo.load(saved["plane"])
    expected = model.log_prob(model.sample(10, rng=zoo.rng(3))).detach()
    for file in files:
        for size in ("3", "1000"):
            got = _numbers(run("score", saved["plane"], file, "--batch-size", size))
            torch.testing.assert_close(got, expected)


def test_scores_go_where_they_are_sent(run: Run, saved: Saved, files: list[str]) -> None:
    scores = _numbers(run("score", saved["plane"], files[0]))
    for name in ("s.csv", "s.npy", "s.safetensors"):
        assert run("score", saved["plane"], files[0], "--out", name).stdout == f"{name}\n"
    header, *lines = Path("s.csv").read_text(encoding="utf-8").split()
    assert header == "log_prob"
    assert torch.equal(torch.tensor([float(line) for line in lines]), scores)
    assert np.array_equal(np.load("s.npy"), scores.numpy())
    assert torch.equal(load_file("s.safetensors")["log_prob"], scores)


def test_kind_measure_and_mean_are_said_beside(run: Run, saved: Saved) -> None:
    samples = run("sample", saved["picture"], "--n", "4", "--out", "-").stdout
    done = run("score", saved["picture"], "-", stdin=samples)
    torch.testing.assert_close(_numbers(done), torch.full((4,), -12 * math.log(5)))
    assert "kind exact, measure mass" in done.stderr
    assert f"{math.log2(5):.4f} bits/dim" in done.stderr


def test_conditions_come_from_columns_or_the_command_line(run: Run, saved: Saved) -> None:
    model = zoo.load(saved["by-label"])
    x = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    Path("x.csv").write_text("x0,colour,x1\n0,red,1\n2,2,3\n", encoding="utf-8")
    got = _numbers(run("score", saved["by-label"], "x.csv", "--condition-column", "colour"))
    torch.testing.assert_close(got, model.log_prob(x, condition=[0, 2]).detach())
    Path("y.csv").write_text("0,1\n2,3\n", encoding="utf-8")
    for text, condition in (("1", 1), ("blue,red", ["blue", "red"])):
        got = _numbers(run("score", saved["by-label"], "y.csv", "--condition", text))
        torch.testing.assert_close(got, model.log_prob(x, condition=condition).detach())
    save_file({"x": x, "colour": torch.tensor([0, 2])}, "x.safetensors")
    got = _numbers(run("score", saved["by-label"], "x.safetensors", "--condition-column", "colour"))
    torch.testing.assert_close(got, model.log_prob(x, condition=[0, 2]).detach())


def test_a_vector_condition_is_several_columns(run: Run, saved: Saved) -> None:
    Path("x.csv").write_text("x0,x1,a,b\n0,1,2,3\n1,1,0.5,0\n", encoding="utf-8")
    flags = ("--condition-column", "a", "--condition-column", "b")
    got = _numbers(run("score", saved["by-vector"], "x.csv", *flags))
    model = zoo.load(saved["by-vector"])
    x, condition = torch.tensor([[0.0, 1], [1, 1]]), torch.tensor([[2.0, 3], [0.5, 0]])
    torch.testing.assert_close(got, model.log_prob(x, condition=condition).detach())


def test_sequences_come_back(run: Run, saved: Saved) -> None:
    for name in ("x.csv", "x.safetensors"):
        flags = ("--n", "3", "--length", "4", "--seed", "0", "--out", name)
        assert run("sample", saved["chain"], *flags).exit_code == 0
        model = zoo.load(saved["chain"])
        expected = model.log_prob(model.sample(3, lengths=4, rng=zoo.rng(0))).detach()
        torch.testing.assert_close(_numbers(run("score", saved["chain"], name)), expected)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "at least one row"),
        ("x0,x1\n", "At least one row"),
        ("1,2,3\n", "2 numbers"),
        ("a,b,c\n1,2,3\n", "2 numbers"),
        ("x0,x1\n1,2\n3\n", "1 in row 2"),
        ("x0,x1\n1,many\n", "'many' in row 1, column x1"),
        ("1,\n", "nan"),
        ("1,inf\n", "inf"),
    ],
)
def test_wrong_tables_are_mistakes(run: Run, saved: Saved, content: str, says: str) -> None:
    Path("x.csv").write_text(content, encoding="utf-8")
    done = run("score", saved["plane"], "x.csv")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert says in done.stderr


def test_wrong_files_are_mistakes(run: Run, saved: Saved) -> None:
    for name in ("x.npy", "x.safetensors", "x.csv"):
        Path(name).write_bytes(b"\x80\xff\x00nonsense")
    Path("x.txt").touch()
    np.save("o.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    for name in ("x.npy", "x.safetensors", "x.csv", "x.txt", "o.npy", "none.csv", "."):
        done = run("score", saved["plane"], name)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1), (name, done.output)


def test_wrong_conditions_are_mistakes(run: Run, saved: Saved) -> None:
    Path("x.csv").write_text("x0,x1,c\n1,2,0\n1,2,0\n1,2,0\n", encoding="utf-8")
    Path("y.csv").write_text("1,2\n1,2\n1,2\n", encoding="utf-8")
    for file, flags, says in (
        ("y.csv", [], "needs a condition"),
        ("y.csv", ["--condition", "0,1"], "2 conditions for 3 rows"),
        ("x.csv", ["--condition-column", "d"], "column 'd'"),
        ("y.csv", ["--condition-column", "c"], "column names"),
        ("x.csv", ["--condition-column", "c", "--condition", "0"], "not both"),
    ):
        done = run("score", saved["by-label"], file, *flags)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
        assert says in done.stderr
