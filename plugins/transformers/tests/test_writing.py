"""What is written natively: transformers reads it without the zoo, to the same bit."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import zoo_core as zoo
from zoo_plugin_transformers.hooks import FORMAT, zoo_write

Saved = Callable[[str], Path]

AUTO = {
    "gpt2": "AutoModelForCausalLM",
    "llama": "AutoModelForCausalLM",
    "bert": "AutoModelForMaskedLM",
    "t5": "AutoModelForTextEncoding",
    "clip": "AutoModel",
    "siglip": "AutoModel",
}


def read(folder: Path, name: str) -> nn.Module:
    """Read a folder as transformers' users do it."""
    return getattr(transformers, AUTO[name]).from_pretrained(folder)


def network_of(model: Any) -> nn.Module:
    """Give the library's own module of a model."""
    return model.native_module() if "clip" in model.architecture else model.network


def tuned(model: Any) -> Any:
    """Take a step away from the weights that were loaded."""
    generator = zoo.rng(5)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(noise.to(parameter.dtype), alpha=0.05)
    return model


def inputs(module: Any) -> dict[str, torch.Tensor]:
    """Give something for a module to read."""
    codes = torch.tensor([[5, 9, 2, 31, 7, 1]])
    if "pixel_values" not in inspect.signature(module.forward).parameters:
        return {"input_ids": codes}
    return {"input_ids": codes, "pixel_values": torch.rand(1, 3, 16, 16, generator=zoo.rng(1))}


def outputs(module: Any) -> list[torch.Tensor]:
    """Give every tensor that a module answers with."""
    with torch.no_grad():
        answer = module(**inputs(module))
    return [value for value in answer.values() if isinstance(value, torch.Tensor)]


@pytest.mark.parametrize("name", AUTO)
def test_transformers_reads_what_was_fine_tuned_and_gives_the_same(
    saved: Saved, tmp_path: Path, name: str
) -> None:
    model = tuned(zoo.load(saved(name)))
    assert zoo_write(model, FORMAT, tmp_path / "native")
    found = read(tmp_path / "native", name)
    wanted = network_of(model).state_dict()
    assert found.state_dict().keys() == wanted.keys()
    assert all(torch.equal(tensor, wanted[n]) for n, tensor in found.state_dict().items())
    again = network_of(zoo.load(tmp_path / "native"))
    pairs = list(zip(outputs(again), outputs(found), strict=True))
    assert pairs and all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("name", AUTO)
def test_the_tokenizer_comes_along(saved: Saved, tmp_path: Path, name: str) -> None:
    assert zoo_write(zoo.load(saved(name)), FORMAT, tmp_path / "native")
    wanted = transformers.AutoTokenizer.from_pretrained(saved(name))
    found = transformers.AutoTokenizer.from_pretrained(tmp_path / "native")
    for text in ("the cat sat on the mat", "What the world has already trained!", ""):
        assert found(text)["input_ids"] == wanted(text)["input_ids"]
    codes = list(range(40))
    assert found.decode(codes) == wanted.decode(codes)
    assert found.special_tokens_map == wanted.special_tokens_map


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_what_prepares_pictures_comes_along(saved: Saved, tmp_path: Path, name: str) -> None:
    from PIL import Image

    assert zoo_write(zoo.load(saved(name)), FORMAT, tmp_path / "native")
    picture = Image.effect_mandelbrot((40, 30), (-2, -1.5, 1, 1.5), 20).convert("RGB")
    one, other = (
        transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")(
            picture, return_tensors="pt"
        )["pixel_values"]
        for folder in (saved(name), tmp_path / "native")
    )
    assert torch.equal(one, other)


def test_a_model_that_the_zoo_saved_is_written_the_same(saved: Saved, tmp_path: Path) -> None:
    model = tuned(zoo.load(saved("clip")))
    zoo.save(model, tmp_path / "model")
    assert zoo_write(zoo.load(tmp_path / "model"), FORMAT, tmp_path / "native")
    wanted = network_of(model).state_dict()
    found = read(tmp_path / "native", "clip").state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in found.items())


def test_it_is_read_where_the_zoo_is_not(saved: Saved, tmp_path: Path) -> None:
    model: Any = tuned(zoo.load(saved("gpt2")))
    assert zoo_write(model, FORMAT, tmp_path / "native")
    program = f"""
import sys, torch
sys.modules["zoo_core"] = None
from transformers import AutoModelForCausalLM, AutoTokenizer
folder = {str(tmp_path / "native")!r}
tokenizer = AutoTokenizer.from_pretrained(folder)
logits = AutoModelForCausalLM.from_pretrained(folder)(**tokenizer("the cat", return_tensors="pt"))
torch.save(logits.logits.detach(), {str(tmp_path / "logits")!r})
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    codes = torch.tensor([model.space.tokenizer.encode(["the cat"])[0]])
    again: Any = zoo.load(tmp_path / "native")
    with torch.no_grad():
        assert torch.equal(torch.load(tmp_path / "logits"), again.network(codes).logits)


def test_half_precision_stays(saved: Saved, tmp_path: Path) -> None:
    model = zoo.load(saved("llama"), dtype=torch.bfloat16)
    assert zoo_write(model, FORMAT, tmp_path / "native")
    assert next(read(tmp_path / "native", "llama").parameters()).dtype is torch.bfloat16


def test_writing_says_nothing(
    saved: Saved, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = zoo.load(saved("gpt2"))
    capfd.readouterr()
    assert zoo_write(model, FORMAT, tmp_path / "native")
    assert capfd.readouterr() == ("", "")


def test_others_are_left_to_others(saved: Saved, tmp_path: Path) -> None:
    assert zoo_write(zoo.load(saved("gpt2")), "diffusers", tmp_path) is None
    wrapped = zoo.wrap(nn.Linear(2, 2), space=zoo.Space.real(2), sample=lambda module, n: None)
    assert zoo_write(wrapped, FORMAT, tmp_path) is None
    assert not list(tmp_path.glob("*.safetensors"))
