"""zoo sample with picture files: a picture to start from, and pictures known in part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image
from torch import Tensor

import zoo_core as zoo
from models.canvas import Canvas

Run = Callable[..., Result]
RED = torch.tensor([1.0, 0.0, 0.0])[:, None, None].expand(3, 2, 4)
LEFT = torch.arange(4) < 2
"""The columns that are known in these tests."""


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> str:
    zoo.register(Canvas)
    folder = tmp_path_factory.mktemp("canvas") / "canvas"
    zoo.save(Canvas.create(), folder)
    return str(folder)


def _drawn(run: Run, canvas: str, *args: str) -> Tensor:
    done = run("sample", canvas, "--n", "2", "--out", "x.npy", *args)
    assert done.exit_code == 0, done.output
    return torch.from_numpy(np.load("x.npy"))


def _refused(run: Run, canvas: str, *args: str) -> str:
    done = run("sample", canvas, "--n", "2", "--out", "x.npy", *args)
    assert done.exit_code in (1, 2), done.output
    return " ".join(done.stderr.replace("│", " ").split())


def _red(mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (4, 2), "red").convert(mode)


def _half(white: bool) -> Image.Image:
    """Give a grey picture, bright on the columns that are known, or on the others."""
    bright = np.where(LEFT.numpy() == white, 255, 0).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(bright, (2, 4)).copy())


def test_an_option_that_is_a_picture_is_the_file_of_one(run: Run, canvas: str) -> None:
    _red().save("red.png")
    assert torch.equal(_drawn(run, canvas, "--option", "image=red.png"), RED.expand(2, 3, 2, 4))
    Path("words.png").write_text("red", "utf-8")
    assert "words.png is a picture" in _refused(run, canvas, "--option", "image=words.png")
    assert "nowhere.png can't be read" in _refused(run, canvas, "--option", "image=nowhere.png")


def test_white_of_a_mask_is_drawn(run: Run, canvas: str) -> None:
    _red().save("red.png")
    _half(white=False).save("mask.png")
    x = _drawn(run, canvas, "--observed-file", "red.png", "--mask", "mask.png")
    assert torch.equal(x, (RED * LEFT).expand(2, 3, 2, 4))


def test_what_is_transparent_is_drawn(run: Run, canvas: str) -> None:
    picture = _red("RGBA")
    picture.putalpha(_half(white=True))
    picture.save("red.png")
    x = _drawn(run, canvas, "--observed-file", "red.png")
    assert torch.equal(x, (RED * LEFT).expand(2, 3, 2, 4))


def test_an_array_may_be_one_sample_or_many(run: Run, canvas: str) -> None:
    known = RED.clone()
    known[:, :, ~LEFT] = torch.nan
    expected = (RED * LEFT).expand(2, 3, 2, 4)
    for array in (known, known[None]):
        np.save("known.npy", array.numpy())
        assert torch.equal(_drawn(run, canvas, "--observed-file", "known.npy"), expected)


def test_pictures_that_say_nothing_are_refused(run: Run, canvas: str) -> None:
    _red().save("red.png")
    Image.new("L", (3, 3)).save("small.png")
    np.save("known.npy", RED.numpy())
    assert "give --mask FILE" in _refused(run, canvas, "--observed-file", "red.png")
    asked = ("--observed-file", "red.png", "--mask", "small.png")
    assert "small.png is 3 by 3, the picture 4 by 2" in _refused(run, canvas, *asked)
    asked = ("--observed-file", "known.npy", "--mask", "small.png")
    assert "--mask goes with a picture" in _refused(run, canvas, *asked)
    assert "--mask goes with a picture" in _refused(run, canvas, "--mask", "small.png")
    asked = ("--observed-file", "small.png", "--mask", "small.png")
    assert "Images are 4 wide and 2 high" in _refused(run, canvas, *asked)
