"""Which repositories are claimed, which of their files, and what is refused with its own error."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
from zoo_core.errors import FormatError, UnsafeFileError, UnsupportedError
from zoo_core.loading.foreign import ForeignRepository, tree_source
from zoo_plugin_diffusers.claim import claimed_files
from zoo_plugin_diffusers.pipeline_family import FAMILIES
from zoo_plugin_diffusers.plain_family import PLAIN_FAMILIES
from zoo_plugin_diffusers.served import SERVED, PlainPipeline, TextToImagePipeline

UNET = "unet/diffusion_pytorch_model"
Copied = Callable[[str], Path]


def _claimed(folder: Path) -> set[str] | None:
    files = claimed_files(ForeignRepository.of(tree_source(folder)))
    return None if files is None else set(files)


def _change(path: Path, **fields: Any) -> None:
    kept = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({key: one for key, one in kept.items() if one is not ...}))


def _sharded(folder: Path, *names: str) -> None:
    """Put an index in the place of the U-Net's weights, and shards where they are named."""
    weights = folder / f"{UNET}.safetensors"
    data = weights.read_bytes()
    weights.unlink()
    index = {"metadata": {}, "weight_map": {f"tensor{i}": one for i, one in enumerate(names)}}
    (folder / f"{UNET}.safetensors.index.json").write_text(json.dumps(index))
    for name in names[:1]:
        if "/" not in name:
            (folder / "unet" / name).write_bytes(data)


def test_the_exact_files_of_a_pipeline_are_claimed(copied: Copied) -> None:
    folder = copied("ddpm")
    weights = (folder / f"{UNET}.safetensors").read_bytes()
    for name in ("fp16.safetensors", "non_ema.safetensors", "bin"):
        (folder / f"{UNET}.{name}").write_bytes(weights)
    for name in ("README.md", "handler.py", "ema.safetensors", "scheduler/other.json"):
        (folder / name).write_text("{}")
    wanted = {"model_index.json", "scheduler/scheduler_config.json"}
    assert _claimed(folder) == wanted | {"unet/config.json", f"{UNET}.safetensors"}


def test_a_component_by_itself_is_claimed(saved: Callable[[str], Path]) -> None:
    wanted = {"config.json", "diffusion_pytorch_model.safetensors"}
    assert _claimed(saved("autoencoder")) == wanted


def test_the_oldest_pipelines_have_their_files_at_the_top(copied: Copied) -> None:
    folder = copied("ddpm")
    for file in [*(folder / "unet").iterdir(), *(folder / "scheduler").iterdir()]:
        shutil.move(file, folder / file.name)
    (folder / "unet").rmdir()
    (folder / "scheduler").rmdir()
    weights = "diffusion_pytorch_model.safetensors"
    files = {"model_index.json", "scheduler_config.json", "config.json", weights}
    assert _claimed(folder) == files
    assert zoo.load(str(folder)).space == zoo.Space.unit(3, 8, 8)


@pytest.mark.parametrize(
    ("name", "component", "file"),
    [
        ("ddpm", "scheduler", "scheduler/scheduler_config.json"),
        ("ddpm", "unet", "unet/config.json"),
        ("stable_diffusion", "tokenizer", "tokenizer of "),
    ],
)
def test_what_lies_nowhere_is_missing_in_its_folder(
    copied: Copied, name: str, component: str, file: str
) -> None:
    folder = copied(name)
    shutil.rmtree(folder / component)
    with pytest.raises(FormatError, match=file):
        _claimed(folder)


def test_components_that_pipelines_do_without_are_left_out(copied: Copied) -> None:
    folder = copied("ddpm")
    checker = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    extractor = ["transformers", "CLIPImageProcessor"]
    index = folder / "model_index.json"
    _change(index, safety_checker=checker, feature_extractor=extractor, image_encoder=[None, None])
    assert len(_claimed(folder) or ()) == 4
    assert zoo.load(str(folder)).sample(1, steps=1).shape == (1, 3, 8, 8)


def test_shards_are_claimed_with_their_index(copied: Copied) -> None:
    folder = copied("ddpm")
    _sharded(folder, "part-1.safetensors")
    assert {f"{UNET}.safetensors.index.json", "unet/part-1.safetensors"} < (_claimed(folder) or {})


@pytest.mark.parametrize("fields", [{"model_type": "gpt2"}, {"_class_name": "UNet2DModel"}])
def test_other_formats_are_left_to_others(tmp_path: Path, fields: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(fields))
    assert _claimed(tmp_path) is None


def test_pickles_are_refused(copied: Copied) -> None:
    folder = copied("ddpm")
    (folder / f"{UNET}.safetensors").rename(folder / f"{UNET}.bin")
    with pytest.raises(UnsafeFileError, match="pickle"):
        zoo.load(str(folder))
    (folder / "other.safetensors").write_bytes(b"")
    with pytest.raises(UnsafeFileError, match="unet of .* no weights but pickles"):
        zoo.load(str(folder))


def test_a_variant_alone_is_refused(copied: Copied) -> None:
    folder = copied("ddpm")
    (folder / f"{UNET}.safetensors").rename(folder / f"{UNET}.fp16.safetensors")
    with pytest.raises(FormatError, match=r"fp16.*Variants"):
        zoo.load(str(folder))


@pytest.mark.parametrize(
    ("fields", "received"),
    [
        ({"_class_name": ["pipeline", "EvilPipeline"]}, "EvilPipeline"),
        ({"unet": ["evil", "UNet2DModel"]}, "unet of evil"),
        ({"unet": ["diffusers.evil", "UNet2DModel"]}, "unet of diffusers.evil"),
        ({"unet": ["os", "UNet2DModel"]}, "unet of os"),
        ({"auto_map": {"DiffusionPipeline": "pipeline.EvilPipeline"}}, "EvilPipeline"),
    ],
)
def test_a_repository_that_needs_code_is_refused_and_nothing_runs(
    copied: Copied, tmp_path: Path, fields: dict[str, Any], received: str
) -> None:
    folder, ran = copied("ddpm"), tmp_path / "ran"
    for name in ("pipeline.py", "evil.py", "unet/evil.py"):
        (folder / name).write_text(f"open({str(ran)!r}, 'w')\nclass EvilPipeline: pass\n")
    _change(folder / "model_index.json", **fields)
    with pytest.raises(UnsafeFileError, match="code of its own, which is never run") as caught:
        zoo.load(str(folder))
    assert received in str(caught.value)
    assert not ran.exists()


@pytest.mark.parametrize("file", ["unet/config.json", "scheduler/scheduler_config.json"])
def test_a_component_that_names_code_is_refused(copied: Copied, file: str) -> None:
    folder = copied("ddpm")
    _change(folder / file, auto_map={"AutoModel": "evil.Evil"})
    with pytest.raises(UnsafeFileError, match="never run"):
        zoo.load(str(folder))


def test_quantised_weights_are_refused(copied: Copied) -> None:
    folder = copied("ddpm")
    _change(folder / "unet/config.json", quantization_config={"quant_method": "bitsandbytes"})
    with pytest.raises(UnsupportedError, match="quantised"):
        zoo.load(str(folder))


@pytest.mark.parametrize(
    "name", ["../evil.safetensors", "/etc/evil.safetensors", "a/b.safetensors", "evil.bin", ".."]
)
def test_an_index_names_files_of_its_folder(copied: Copied, name: str) -> None:
    folder = copied("ddpm")
    _sharded(folder, "part-1.safetensors", name)
    with pytest.raises(UnsafeFileError, match="in the same folder"):
        zoo.load(str(folder))


def test_an_index_that_names_a_missing_shard_is_refused(copied: Copied) -> None:
    folder = copied("ddpm")
    _sharded(folder, "part-1.safetensors", "part-2.safetensors")
    with pytest.raises(FormatError, match=r"none named 'part-2.safetensors'"):
        zoo.load(str(folder))


@pytest.mark.parametrize("index", ["[]", '{"weight_map": {"a": 1}}', '{"weight_map": {}}', "{"])
def test_a_wrong_index_is_refused(copied: Copied, index: str) -> None:
    folder = copied("ddpm")
    _sharded(folder, "part-1.safetensors")
    (folder / f"{UNET}.safetensors.index.json").write_text(index)
    with pytest.raises(FormatError, match=r"diffusion_pytorch_model.safetensors.index.json"):
        zoo.load(str(folder))


@pytest.mark.parametrize("name", ["../unet", "..", "a/b", ""])
def test_components_are_folders_inside(copied: Copied, name: str) -> None:
    folder = copied("ddpm")
    _change(folder / "model_index.json", **{name: ["diffusers", "UNet2DModel"]})
    with pytest.raises(UnsafeFileError, match="folders inside the repository"):
        zoo.load(str(folder))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"_class_name": "ShapEPipeline"}, UnsupportedError, "DDPMPipeline.*Received: a ShapE"),
        ({"unet": ...}, FormatError, "of a unet and a scheduler"),
        ({"unet": [None, "UNet2DModel"]}, FormatError, "a library and a class"),
        ({"vae": ["diffusers", "AutoencoderKL"]}, FormatError, "vae"),
    ],
)
def test_pipelines_that_are_not_served_or_not_whole_are_refused(
    copied: Copied, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    folder = copied("ddpm")
    _change(folder / "model_index.json", **fields)
    with pytest.raises(error, match=message):
        zoo.load(str(folder))


def test_what_is_claimed_is_served() -> None:
    assert list(FAMILIES) == list(TextToImagePipeline)
    assert sorted(PLAIN_FAMILIES) == sorted(PlainPipeline)
    assert len(set(SERVED)) == len(SERVED)


def test_a_network_by_itself_is_no_model(saved: Callable[[str], Path], tmp_path: Path) -> None:
    folder = shutil.copytree(saved("ddpm") / "unet", tmp_path / "unet")
    with pytest.raises(UnsupportedError, match="AutoencoderKL.*a UNet2DModel"):
        zoo.load(str(folder))
