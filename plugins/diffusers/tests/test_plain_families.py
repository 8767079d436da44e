"""Pipelines of sounds and films that are known by their name, held against themselves, to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import diffusers as diffusers_module
import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.native_pipelines import lively
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.randomness import child_rng
from zoo_plugin_diffusers.pipeline import Pipeline
from zoo_plugin_diffusers.pipeline_bridge import bridged_pipeline
from zoo_plugin_diffusers.silence import silenced

diffusers: Any = diffusers_module
Pipelines = Callable[[str], Any]
TEXTS = ["a cat", "dog"]

SPACES = {
    "animate_diff": zoo.Space.unit(16, 3, 8, 8, rate=8.0),
    "cog_video": zoo.Space.unit(9, 3, 32, 16, rate=8.0),
    "cog_video_1_5": zoo.Space.unit(9, 3, 32, 16, rate=16.0),
    "ltx": zoo.Space.unit(161, 3, 512, 704, rate=25.0),
    "stable_audio": zoo.Space.real(2, 48, rate=8.0),
    "wan": zoo.Space.unit(81, 3, 480, 832, rate=16.0),
    "wan_of_experts": zoo.Space.unit(81, 3, 480, 832, rate=16.0),
}
"""What each makes unasked."""

SMALLER = {
    "animate_diff": {"num_frames": 2, "height": 8, "width": 8},
    "ltx": {"num_frames": 9, "height": 32, "width": 64},
    "wan": {"num_frames": 5, "height": 16, "width": 32},
    "wan_of_experts": {"num_frames": 5, "height": 16, "width": 32},
}
"""Arguments of those whose size isn't one of their components, or takes long."""


def _model(pipeline: Any) -> Pipeline:
    return bridged_pipeline(type(pipeline).__name__, pipeline.components, pipeline.config)


def _smaller(model: Pipeline, name: str) -> Pipeline:
    """Give the same modules at a size that a test has time for."""
    if name not in SMALLER:
        return model
    arguments = SMALLER[name]
    frames, height, width = arguments.values()
    space = zoo.Space.unit(frames, 3, height, width, rate=model.space.rate)
    fields = {**model.config.to_json(), "arguments": arguments, "space": space}
    return Pipeline(Pipeline.Config.parse(fields), parts=dict(model.named_children()))


def _sample(model: Any, text: Any, **options: Any) -> Tensor:
    n = 1 if isinstance(text, str) else len(text)
    return model.sample(n, condition=text, rng=zoo.rng(0), steps=2, **options)


def _wanted(pipeline: Any, name: str, text: Any, **asked: Any) -> Tensor:
    """Call the pipeline itself with the texts."""
    asked = {**SMALLER.get(name, {}), "output_type": "pt", **asked}
    generator = child_rng(zoo.rng(0), "cpu")
    made = pipeline(text, num_inference_steps=2, generator=generator, **asked)
    return made.audios if "audios" in made else made.frames


def _index(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "model_index.json").read_text("utf-8"))


@pytest.mark.parametrize("name", SPACES)
def test_samples_are_the_pipelines(pipelines: Pipelines, name: str) -> None:
    pipeline = pipelines(name)
    model = _model(pipeline)
    assert model.space == SPACES[name]
    model = _smaller(model, name)
    seen = _sample(model, TEXTS)
    assert torch.equal(seen, _wanted(pipeline, name, TEXTS))
    assert not torch.equal(seen[:1], _sample(model, "b"))
    led = _sample(model, "a cat", guidance_scale=4.0, negative="dog")
    asked = {"guidance_scale": 4.0, "negative_prompt": "dog"}
    assert torch.equal(led, _wanted(pipeline, name, "a cat", **asked))
    alone = _sample(model, "a cat", guidance_scale=1.0)
    assert torch.equal(alone, _wanted(pipeline, name, "a cat", guidance_scale=1.0))


@pytest.mark.parametrize("name", ["animate_diff", "cog_video", "ltx", "stable_audio", "wan"])
def test_a_folder_is_opened_and_written_natively(
    saved: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    model: Any = zoo.load(str(saved(name)))
    assert model.space == SPACES[name]
    zoo.save(model, tmp_path / "native", format="diffusers")
    zoo.save(model, tmp_path / "ours")
    wanted = _sample(_smaller(model, name), "a cat")
    for folder in ("native", "ours"):
        again: Any = zoo.load(str(tmp_path / folder))
        assert torch.equal(_sample(_smaller(again, name), "a cat"), wanted)
    assert _index(tmp_path / "native") == _index(saved(name))
    if name == "wan" and find_spec("accelerate") is None:
        return  # the library reads Wan's network with that package alone
    with silenced():
        native = diffusers.DiffusionPipeline.from_pretrained(tmp_path / "native")
    assert type(native).__name__ == model.config.pipeline


def test_settings_of_a_pipeline_are_kept(saved: Callable[[str], Path], tmp_path: Path) -> None:
    model: Any = zoo.load(str(saved("wan_of_experts")))
    assert dict(model.config.settings) == {"boundary_ratio": 0.9, "expand_timesteps": False}
    zoo.save(model, tmp_path / "native", format="diffusers")
    index = _index(tmp_path / "native")
    assert index["boundary_ratio"] == 0.9 and index["expand_timesteps"] is False
    assert index["transformer_2"] == ["diffusers", "WanTransformer3DModel"]


@pytest.mark.skipif(find_spec("accelerate") is not None, reason="the package is there")
def test_half_precision_that_needs_a_package_is_refused(saved: Callable[[str], Path]) -> None:
    with pytest.raises(UnsupportedError, match="accelerate"):
        zoo.load(str(saved("wan")), dtype=torch.bfloat16)


def test_wan_cleans_texts(pipelines: Pipelines) -> None:
    model: Any = _model(pipelines("wan"))
    prompt = model.get_submodule("conditioner")
    text = " a\n &amp;amp;  cat "
    with torch.no_grad():
        wanted = pipelines("wan").encode_prompt(text, max_sequence_length=512)[0]
        seen, plain = prompt.context(text), prompt.context("a & cat")
    assert torch.equal(seen.as_sequence()[0], wanted)
    assert torch.equal(plain.as_sequence()[0], wanted)


def test_masks_are_those_of_the_prompt(pipelines: Pipelines) -> None:
    pipeline = pipelines("ltx")
    model: Any = _model(pipeline)
    with torch.no_grad():
        sequence, mask = model.get_submodule("conditioner").context(TEXTS).as_sequence()
        wanted, wanted_mask, _, _ = pipeline.encode_prompt(TEXTS, None, False)
    assert torch.equal(sequence, wanted) and torch.equal(mask, wanted_mask)


def test_an_adapter_is_put_into_its_network(pipelines: Pipelines) -> None:
    fields = {"block_out_channels": (8, 16), "norm_num_groups": 2, "layers_per_block": 1}
    unet = diffusers.UNet2DConditionModel(
        sample_size=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=2,
        **fields,
    )
    parts = {**pipelines("animate_diff").components, "unet": lively(unet)}
    parts = {key: one for key, one in parts.items() if one is not None}
    with silenced():
        pipeline = diffusers.AnimateDiffPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    model = _smaller(bridged_pipeline("AnimateDiffPipeline", parts), "animate_diff")
    assert model.config.components["unet"]["_class_name"] == "UNetMotionModel"
    wanted = _wanted(pipeline, "animate_diff", "a cat")
    assert torch.equal(_sample(model, "a cat"), wanted)
