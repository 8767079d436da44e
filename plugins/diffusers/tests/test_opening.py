"""Pipelines and autoencoders, opened from a folder and from a Hub and written again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file

import zoo_core as zoo
from zoo_core.errors import ConfigError, TensorError, UnsupportedError
from zoo_core.interfaces.randomness import child_rng
from zoo_plugin_diffusers.autoencoder import AutoencoderKL
from zoo_plugin_diffusers.silence import silenced
from zoo_plugin_diffusers.unconditional import Unconditional

UNET = "unet/diffusion_pytorch_model.safetensors"
Saved = Callable[[str], Path]


def _pictures(folder: Path, n: int, steps: int, **options: Any) -> torch.Tensor:
    """Load the pipeline without the zoo and ask it with the first chunk's generator."""
    with silenced():
        pipeline: Any = diffusers.DiffusionPipeline.from_pretrained(folder, **options)
    pipeline.set_progress_bar_config(disable=True)
    rng = child_rng(zoo.rng(0), "cpu")
    asked = {"num_inference_steps": steps, "output_type": "pt"}
    return pipeline(batch_size=n, generator=rng, **asked).images


@pytest.mark.parametrize("name", ["ddpm", "ddim"])
def test_a_folder_is_opened(saved: Saved, name: str) -> None:
    model = zoo.load(str(saved(name)))
    assert isinstance(model, Unconditional)
    assert not model.training
    made = model.sample(3, rng=zoo.rng(0), steps=4)
    assert torch.equal(made, _pictures(saved(name), 3, 4))


@pytest.mark.parametrize("kind", ["TokenizersBackend", "PreTrainedTokenizerFast"])
def test_tokenizers_of_the_generic_class_are_read(copied: Saved, tmp_path: Path, kind: str) -> None:
    folder = copied("stable_diffusion")
    for file, fields in (
        ("model_index.json", {"tokenizer": ["transformers", kind]}),
        ("tokenizer/tokenizer_config.json", {"tokenizer_class": kind}),
    ):
        known = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({**known, **fields}))
    with silenced():
        pipeline: Any = diffusers.DiffusionPipeline.from_pretrained(folder)
    assert type(pipeline.tokenizer).__name__ == "TokenizersBackend"
    asked = {"num_inference_steps": 2, "output_type": "pt", "height": 8, "width": 8}
    wanted = pipeline("a cat", generator=zoo.child_rng(zoo.rng(0), "cpu"), **asked).images
    model = zoo.load(str(folder))
    zoo.save(model, tmp_path / "ours")
    zoo.save(model, tmp_path / "native", format="diffusers")
    for again in (folder, tmp_path / "ours", tmp_path / "native"):
        x = zoo.load(str(again)).sample(1, condition="a cat", steps=2, rng=zoo.rng(0))
        assert torch.equal(x, wanted)


def test_a_repository_of_the_hub_is_opened_and_then_offline(
    serve: Callable[[str], str], saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, wanted = serve("ddpm"), _pictures(saved("ddpm"), 3, 4)
    assert torch.equal(zoo.load(reference).sample(3, rng=zoo.rng(0), steps=4), wanted)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert torch.equal(zoo.load(reference).sample(3, rng=zoo.rng(0), steps=4), wanted)


def test_an_autoencoder_is_opened(serve: Callable[[str], str], saved: Saved) -> None:
    with silenced():
        network = diffusers.AutoencoderKL.from_pretrained(saved("autoencoder"))
    x = torch.rand(2, 3, 8, 8, generator=zoo.rng(0))
    with torch.no_grad():
        wanted = network.encode(2 * x - 1).latent_dist.mean
        for reference in (serve("autoencoder"), str(saved("autoencoder"))):
            model = zoo.load(reference)
            assert isinstance(model, AutoencoderKL)
            assert torch.equal(model.encode(x), wanted)


def test_a_dtype_is_the_librarys_own(saved: Saved) -> None:
    model = zoo.load(str(saved("ddpm")), dtype=torch.bfloat16)
    assert {one.dtype for one in model.parameters()} == {torch.bfloat16}
    made = model.sample(2, rng=zoo.rng(0), steps=2)
    assert torch.equal(made, _pictures(saved("ddpm"), 2, 2, dtype=torch.bfloat16))


def test_half_precision_is_loaded_as_single_as_the_library_does(
    copied: Callable[[str], Path],
) -> None:
    folder = copied("ddpm")
    halves = {name: one.half() for name, one in load_file(folder / UNET).items()}
    save_file(halves, folder / UNET, {"format": "pt"})
    model = zoo.load(str(folder))
    assert {one.dtype for one in model.parameters()} == {torch.float32}
    assert torch.equal(model.sample(1, rng=zoo.rng(0), steps=2), _pictures(folder, 1, 2))


def test_a_load_is_quiet(saved: Saved, capfd: pytest.CaptureFixture[str]) -> None:
    folder = saved("ddpm")
    capfd.readouterr()
    zoo.load(str(folder))
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_changes_does_not_change_the_model(copied: Callable[[str], Path]) -> None:
    folder = copied("ddpm")
    model = zoo.load(str(folder))
    before = {name: one.clone() for name, one in model.state_dict().items()}
    with (folder / UNET).open("r+b") as file:
        size = (folder / UNET).stat().st_size
        file.seek(size // 2)
        file.write(b"\xff" * (size // 2))
    assert all(torch.equal(before[name], one) for name, one in model.state_dict().items())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: {k: v for k, v in one.items() if k != "conv_in.bias"}, "missing: conv_in"),
        (lambda one: {**one, "conv_in.other": torch.zeros(2)}, "extra: conv_in.other"),
        (lambda one: {**one, "conv_in.bias": torch.zeros(3)}, r"conv_in.bias is \[3\], not \[8\]"),
    ],
    ids=["missing", "extra", "shape"],
)
def test_tensors_are_those_of_the_configuration(
    copied: Callable[[str], Path], change: Any, told: str
) -> None:
    folder = copied("ddpm")
    save_file(change(load_file(folder / UNET)), folder / UNET, {"format": "pt"})
    with pytest.raises(TensorError, match=told):
        zoo.load(str(folder))


@pytest.mark.parametrize(
    ("file", "fields", "error"),
    [
        ("unet/config.json", {"block_out_channels": [8]}, ConfigError),
        ("unet/config.json", {"num_class_embeds": 3}, TensorError),
        ("model_index.json", {"unet": ["diffusers", "NoSuchModel"]}, UnsupportedError),
        ("model_index.json", {"scheduler": ["diffusers", "NoScheduler"]}, UnsupportedError),
    ],
)
def test_what_the_library_refuses_is_told(
    copied: Callable[[str], Path], file: str, fields: dict[str, Any], error: type[Exception]
) -> None:
    path = copied("ddpm") / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    with pytest.raises(error):
        zoo.load(str(path.parent if file == "model_index.json" else path.parent.parent))


@pytest.mark.parametrize("name", ["ddpm", "ddim"])
def test_a_changed_pipeline_is_written_for_users_without_the_zoo(
    saved: Saved, tmp_path: Path, name: str
) -> None:
    model = zoo.load(str(saved(name)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.01)
    zoo.save(model, tmp_path / "native", format="diffusers")
    made = model.sample(2, rng=zoo.rng(0), steps=3)
    assert torch.equal(made, _pictures(tmp_path / "native", 2, 3))
    assert not torch.equal(made, _pictures(saved(name), 2, 3))
    again = zoo.load(str(tmp_path / "native"))
    assert again.config == model.config
    assert torch.equal(made, again.sample(2, rng=zoo.rng(0), steps=3))


def test_an_autoencoder_is_written_for_users_without_the_zoo(saved: Saved, tmp_path: Path) -> None:
    model: Any = zoo.load(str(saved("autoencoder")))
    zoo.save(model, tmp_path / "native", format="diffusers")
    with silenced():
        network = diffusers.AutoencoderKL.from_pretrained(tmp_path / "native")
    h = torch.randn(2, 2, 4, 4, generator=zoo.rng(0))
    with torch.no_grad():
        wanted = (network.decode(h).sample / 2 + 0.5).clamp(0, 1)
        assert torch.equal(model.decode(h), wanted)


@pytest.mark.parametrize("name", ["ddpm", "autoencoder"])
def test_the_zoos_own_format_gives_the_model_again(saved: Saved, tmp_path: Path, name: str) -> None:
    model: Any = zoo.load(str(saved(name)))
    zoo.save(model, tmp_path / "own")
    again: Any = zoo.load(str(tmp_path / "own"))
    assert again.config == model.config
    assert all(
        torch.equal(one, other)
        for one, other in zip(model.parameters(), again.parameters(), strict=True)
    )
    x = torch.rand(2, 3, 8, 8, generator=zoo.rng(0))
    if name == "ddpm":
        one, other = (each.sample(2, rng=zoo.rng(0), steps=2) for each in (model, again))
    else:
        one, other = model.encode(x), again.encode(x)
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    "name", ["stable_diffusion", "stable_diffusion_3", "audio_ldm", "dance_diffusion"]
)
def test_pipelines_of_every_kind_come_and_go(saved: Saved, tmp_path: Path, name: str) -> None:
    model: Any = zoo.load(str(saved(name)))
    zoo.save(model, tmp_path / "native", format="diffusers")
    with silenced():
        first, last = (
            diffusers.DiffusionPipeline.from_pretrained(folder)
            for folder in (saved(name), tmp_path / "native")
        )
    _same_modules(first, last)
    zoo.save(model, tmp_path / "own")
    for folder in ("native", "own"):
        again: Any = zoo.load(str(tmp_path / folder))
        assert again.config == model.config
        for one, other in zip(model.parameters(), again.parameters(), strict=True):
            assert torch.equal(one, other)


def _same_modules(first: Any, last: Any) -> None:
    """Hold the components of two pipelines together."""
    assert type(first) is type(last)
    assert first.components.keys() == last.components.keys()
    for key, component in first.components.items():
        assert type(component) is type(last.components[key])
        if isinstance(component, torch.nn.Module):
            own, other = component.state_dict(), last.components[key].state_dict()
            assert own.keys() == other.keys()
            assert all(torch.equal(own[one], other[one]) for one in own)


def test_names_of_old_files_are_brought_up_to_date_by_the_library(
    copied: Callable[[str], Path],
) -> None:
    folder = copied("ddpm")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for name, tensor in load_file(folder / UNET).items():
        for new, former in old.items():
            name = name.replace(f"{new}.", f"{former}.")
        tensors[name] = tensor
    assert any("proj_attn" in name for name in tensors)
    save_file(tensors, folder / UNET, {"format": "pt"})
    made = zoo.load(str(folder)).sample(2, rng=zoo.rng(0), steps=2)
    assert torch.equal(made, _pictures(folder, 2, 2))


def test_shards_are_put_together(saved: Saved, copied: Callable[[str], Path]) -> None:
    folder = copied("ddpm")
    with silenced():
        unet = diffusers.UNet2DModel.from_pretrained(folder / "unet")
        (folder / UNET).unlink()
        unet.save_pretrained(folder / "unet", max_shard_size="10KB")
    assert len(list((folder / "unet").glob("*.safetensors"))) > 1
    made = zoo.load(str(folder)).sample(2, rng=zoo.rng(0), steps=2)
    assert torch.equal(made, _pictures(saved("ddpm"), 2, 2))


def test_neither_library_is_imported_for_other_models() -> None:
    code = """
import sys, zoo_core as zoo
zoo.load("flows/nsf-moons").sample(2)
zoo.list_models()
zoo.info("diffusers/unconditional")
import zoo_plugin_diffusers.unconditional, zoo_plugin_diffusers.autoencoder
print([name for name in ("diffusers", "transformers") if name in sys.modules])
"""
    assert _told(code) == "[]"


def test_claims_are_made_without_torch() -> None:
    code = """
import sys, zoo_plugin_diffusers.hooks, zoo_plugin_diffusers.claim
print([name for name in ("torch", "diffusers", "transformers") if name in sys.modules])
"""
    assert _told(code) == "[]"


def _told(code: str) -> str:
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return told.stdout.strip()
