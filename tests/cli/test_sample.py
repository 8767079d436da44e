"""zoo sample"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

import zoo_core as zoo
from models.classes import GaussianClasses
from models.gaussian import Gaussian
from zoo_core.cli.values import parse_conditions

Run = Callable[..., Result]
Saved = dict[str, str]


def test_points_are_printed_as_csv_that_reads_back_to_the_same_numbers(
    run: Run, saved: Saved
) -> None:
    done = run("sample", saved["table"], "--n", "3", "--seed", "7")
    assert done.exit_code == 0, done.output
    header, *rows = csv.reader(io.StringIO(done.stdout))
    expected = zoo.load(saved["table"]).sample(3, rng=zoo.rng(7))
    assert header == ["age", "height", "weight"]
    assert torch.equal(torch.tensor([[float(c) for c in row] for row in rows]), expected)
    assert "seed 7" in done.stderr


def test_a_mixed_table_is_printed_with_its_names_and_scored_again(run: Run, saved: Saved) -> None:
    done = run("sample", saved["people"], "--n", "20", "--seed", "7")
    assert done.exit_code == 0, done.output
    header, *rows = csv.reader(io.StringIO(done.stdout))
    assert header == ["height", "colour", "visits", "smokes"]
    assert {row[1] for row in rows} == {"red", "green", "blue"}
    assert all(row[2].isdigit() and row[3] in "01" for row in rows)
    model: Any = zoo.load(saved["people"])
    x = model.sample(20, rng=zoo.rng(7))
    assert [float(row[0]) for row in rows] == pytest.approx(x[:, 0].tolist())
    scored = run("score", saved["people"], "-", stdin=done.stdout)
    assert scored.exit_code == 0, scored.output
    figures = [float(line) for line in scored.stdout.split()]
    assert figures == pytest.approx(model.log_prob(x).tolist(), rel=1e-5)
    assert "measure mixed" in scored.stderr
    missing = run("score", saved["people"], "-", stdin="height,colour,visits,smokes\n1.5,,,\n")
    alone = model.log_prob(torch.tensor([[1.5, *[torch.nan] * 3]]))
    assert float(missing.stdout) == pytest.approx(alone.item(), rel=1e-5)


def test_the_seed_that_was_chosen_gives_the_same_samples(run: Run, saved: Saved) -> None:
    first = run("sample", saved["plane"], "--n", "2")
    seed = first.stderr.rpartition("seed ")[2].rstrip(".\n")
    assert run("sample", saved["plane"], "--n", "2", "--seed", seed).stdout == first.stdout
    assert run("sample", saved["plane"], "--n", "2").stdout != first.stdout


def test_pictures_go_to_a_new_file(run: Run, saved: Saved) -> None:
    for name in ("samples.png", "samples-1.png"):
        done = run("sample", saved["picture"], "--n", "4", "--seed", "0")
        assert done.stdout == f"{name}\n"
        with Image.open(name) as image:
            assert image.size == (2 * 68 + 4, 2 * 52 + 4)
    assert run("sample", saved["picture"], "--n", "2", "--out", "-").stdout.count("\n") == 3


def test_every_format_holds_the_same_samples(run: Run, saved: Saved) -> None:
    for suffix in ("npy", "csv", "safetensors"):
        args = ("--n", "5", "--seed", "1", "--out", f"x.{suffix}")
        assert run("sample", saved["plane"], *args).exit_code == 0
    expected = zoo.load(saved["plane"]).sample(5, rng=zoo.rng(1)).numpy()
    assert np.array_equal(np.load("x.npy"), expected)
    assert np.array_equal(load_file("x.safetensors")["x"].numpy(), expected)
    table = np.loadtxt("x.csv", delimiter=",", skiprows=1, dtype=np.float32)
    assert np.array_equal(table, expected)
    with safe_open("x.safetensors", "pt") as file:
        assert file.metadata() == {"model": saved["plane"], "seed": "1"}


def test_points_in_the_plane_are_drawn(run: Run, saved: Saved) -> None:
    assert run("sample", saved["plane"], "--n", "50", "--out", "x.png").exit_code == 0
    with Image.open("x.png") as image:
        assert len(image.getcolors(maxcolors=1 << 20) or []) > 10


@pytest.mark.parametrize("given", [["1,2"], ["1", "2"], ["[1, 2]"], ["green,blue"]])
def test_labels_share_the_samples_in_turn(run: Run, saved: Saved, given: list[str]) -> None:
    flags = [flag for text in given for flag in ("--condition", text)]
    done = run("sample", saved["by-label"], *flags, "--n", "6", "--seed", "0", "--out", "x.npy")
    assert done.exit_code == 0, done.output
    model = zoo.load(saved["by-label"])
    expected = model.sample(6, condition=[1, 1, 1, 2, 2, 2], rng=zoo.rng(0))
    assert np.array_equal(np.load("x.npy"), expected.numpy())


@pytest.mark.parametrize(
    ("given", "codes"), [("3,1", [2, 0]), ('"1"', [0]), ("[1]", [1]), ("0", [0]), ("a,b", [3])]
)
def test_a_class_is_meant_by_its_name_where_that_looks_like_a_number(
    given: str, codes: list[int]
) -> None:
    config = {"classes": 4, "names": ["1", "2", "3", "a,b"]}
    part = zoo.Part("core/label", config)
    model = Gaussian.create(space=zoo.Space.real(2), conditioner=part)
    prepared = model.conditioner.prepare(parse_conditions([given], model), len(codes))
    assert prepared["label"].tolist() == codes


def test_a_model_of_data_and_class_needs_no_condition() -> None:
    label = zoo.Part("core/label", {"classes": 2, "names": ["low", "high"], "missing": True})
    model = GaussianClasses.create(space=zoo.Space.real(2, missing=True), conditioner=label)
    assert parse_conditions([], model) is None
    assert parse_conditions(["high"], model) == ["high"]


def test_the_classes_that_there_are_are_told_by_their_names() -> None:
    part = zoo.Part("core/label", {"classes": 2, "names": ["low", "high"]})
    model = Gaussian.create(space=zoo.Space.real(2), conditioner=part)
    with pytest.raises(zoo.ZooError, match=r"Give --condition low; there are low, high\."):
        parse_conditions([], model)


@pytest.mark.parametrize("given", [["0.5,1", "2,3"], ["[0.5, 1]", "[2, 3]"], ["[[0.5,1],[2,3]]"]])
def test_vectors_are_conditions_too(run: Run, saved: Saved, given: list[str]) -> None:
    flags = [flag for text in given for flag in ("--condition", text)]
    done = run("sample", saved["by-vector"], *flags, "--seed", "0", "--out", "x.npy")
    assert done.exit_code == 0, done.output
    model = zoo.load(saved["by-vector"])
    expected = model.sample(2, condition=[[0.5, 1.0], [2.0, 3.0]], rng=zoo.rng(0))
    assert np.array_equal(np.load("x.npy"), expected.numpy())


def test_sequences_are_written_step_by_step(run: Run, saved: Saved) -> None:
    args = (saved["chain"], "--n", "2", "--length", "3", "--seed", "0")
    lines = run("sample", *args).stdout.splitlines()
    assert lines[0] == "sequence,x0"
    assert [line.split(",")[0] for line in lines[1:]] == ["0"] * 3 + ["1"] * 3
    assert run("sample", *args, "--out", "x.safetensors").exit_code == 0
    assert load_file("x.safetensors")["lengths"].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("model", "args", "says"),
    [
        ("table", ["--out", "x.png"], "samples are real of shape [3]"),
        ("chain", ["--out", "x.npy"], "sequences go to .csv"),
        ("plane", ["--out", "x.jpg"], "a file ends in .png"),
        ("plane", ["--out", "no/x.csv"], "there is no folder no"),
        ("plane", ["--n", "0"], "--n"),
        ("plane", ["--seed", "x"], "--seed"),
        ("plane", ["--condition", "3"], "takes no condition"),
        ("plane", ["--option", "heat=3"], "heat"),
        ("plane", ["--option", "heat"], "--option key=value"),
        ("plane", ["--device", "nowhere"], "--device"),
        ("by-label", [], "Give --condition red; there are red, green, blue."),
        ("by-label", ["--condition", "0,1", "--n", "3"], "give a multiple"),
        ("by-label", ["--condition", "7"], "a class 0 … 2"),
        ("by-label", ["--condition", "mauve"], "mauve"),
        ("by-label", ["--condition", "[1"], "no JSON"),
        ("by-vector", [], "Give --condition 0.5,0.5, 2 numbers."),
        ("by-vector", ["--condition", "1"], "2 finite numbers"),
    ],
)
def test_mistakes_are_one_line_and_exit_with_2(
    run: Run, saved: Saved, model: str, args: list[str], says: str
) -> None:
    done = run("sample", saved[model], *args)
    assert done.exit_code == 2
    assert done.stderr.startswith("zoo: ") and done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not list(Path.cwd().iterdir())


def test_a_model_that_is_not_there_is_a_mistake(run: Run) -> None:
    for ref, says in (("./nothing", "nothing"), ("core/nothing", "core/nothing"), ("hf://a", "a")):
        done = run("sample", ref)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert says in done.stderr
