"""Pipelines of sounds and films, held against themselves, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers as diffusers_module
import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.conformance import check_model
from zoo_core.conformance.result import Status
from zoo_core.errors import ConditionError, ConfigError, OptionError, UnsupportedError
from zoo_core.interfaces.randomness import child_rng
from zoo_plugin_diffusers.component import described
from zoo_plugin_diffusers.pipeline import Pipeline
from zoo_plugin_diffusers.pipeline_bridge import bridged_pipeline
from zoo_plugin_diffusers.silence import silenced

diffusers: Any = diffusers_module
Pipelines = Callable[[str], Any]
STEPS = {"num_inference_steps": 2}


def _model(pipeline: Any) -> Pipeline:
    return bridged_pipeline(type(pipeline).__name__, pipeline.components)


def _first_chunk() -> torch.Generator:
    return child_rng(zoo.rng(0), "cpu")


def _sample(model: Any, n: int, text: Any = None, **options: Any) -> Tensor:
    return model.sample(n, condition=text, rng=zoo.rng(0), steps=2, **options)


def test_sounds_are_the_pipelines(pipelines: Pipelines) -> None:
    pipeline = pipelines("dance_diffusion")
    model = _model(pipeline)
    wanted = pipeline(batch_size=3, generator=_first_chunk(), **STEPS).audios
    assert model.space == zoo.Space.real(2, 64, rate=16.0)
    assert torch.equal(_sample(model, 3), torch.as_tensor(wanted))


def test_sounds_of_a_text_are_the_pipelines(pipelines: Pipelines) -> None:
    pipeline = pipelines("audio_ldm")
    model = _model(pipeline)
    asked = {"generator": _first_chunk(), **STEPS}
    wanted = pipeline("a cat", num_waveforms_per_prompt=2, **asked).audios
    assert model.space == zoo.Space.real(1, 32, rate=64.0)
    assert torch.equal(_sample(model, 2, "a cat")[:, 0], torch.as_tensor(wanted))
    asked = {"generator": _first_chunk(), "guidance_scale": 4.0, **STEPS}
    wanted = pipeline("a cat", negative_prompt="dog", **asked).audios
    seen = _sample(model, 1, "a cat", guidance_scale=4.0, negative="dog")
    assert torch.equal(seen[:, 0], torch.as_tensor(wanted))


def test_films_of_a_text_are_the_pipelines(pipelines: Pipelines) -> None:
    pipeline = pipelines("text_to_video")
    model = _model(pipeline)
    texts = ["a cat", "dog"]
    asked = {"generator": _first_chunk(), "output_type": "pt", "guidance_scale": 1.0, **STEPS}
    wanted = pipeline(texts, **asked).frames
    assert model.space == zoo.Space.unit(16, 3, 8, 8, rate=8.0)
    assert torch.equal(_sample(model, 2, texts, guidance_scale=1.0), wanted)
    asked = {"generator": _first_chunk(), "output_type": "pt", **STEPS}
    assert torch.equal(_sample(model, 1, "a cat"), pipeline("a cat", **asked).frames)


def test_arguments_of_the_call_are_the_configurations(pipelines: Pipelines) -> None:
    pipeline = pipelines("text_to_video")
    fields = {**_model(pipeline).config.to_json(), "steps": 2, "guidance_scale": 3.0}
    fields["space"] = zoo.Space.unit(3, 3, 16, 8, rate=4.0)
    fields["arguments"] = {"num_frames": 3, "height": 16, "width": 8}
    live = dict(_model(pipeline).named_children())
    model = Pipeline(Pipeline.Config.parse(fields), parts=live)
    seen = model.sample(1, condition="a cat", rng=zoo.rng(0))
    asked = {**STEPS, "output_type": "pt", "guidance_scale": 3.0}
    wanted = pipeline("a cat", 16, 8, 3, generator=_first_chunk(), **asked).frames
    assert isinstance(seen, Tensor) and torch.equal(seen, wanted)


def test_a_chunk_is_drawn_few_at_a_time(pipelines: Pipelines) -> None:
    pipeline, generator = pipelines("dance_diffusion"), _first_chunk()
    calls = [pipeline(batch_size=n, generator=generator, **STEPS).audios for n in (2, 1)]
    seen = _sample(_model(pipeline), 3, at_once=2)
    assert torch.equal(seen, torch.cat([torch.as_tensor(one) for one in calls]))


def test_draws_from_the_global_generator_follow_the_rng(pipelines: Pipelines) -> None:
    scheduler = diffusers.EulerAncestralDiscreteScheduler()
    parts = {**pipelines("dance_diffusion").components, "scheduler": scheduler}
    model = bridged_pipeline("DanceDiffusionPipeline", parts)
    torch.manual_seed(1)
    state, first = torch.get_rng_state(), _sample(model, 4)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(_sample(model, 4), first)
    few = _sample(model, 4, at_once=2)
    assert not torch.equal(few[:2], few[2:])


def test_the_promises_hold_without_a_prompt(pipelines: Pipelines) -> None:
    made = _model(pipelines("dance_diffusion"))
    config = made.config.model_copy(update={"steps": 2})
    model = Pipeline(config, parts=dict(made.named_children()))
    results = check_model(model, rng=zoo.rng(0))
    assert not [str(one) for one in results if one.status is Status.FAILED]


@pytest.mark.parametrize("name", ["dance_diffusion", "audio_ldm", "text_to_video"])
def test_a_folder_is_opened_and_written_natively(
    saved: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    model: Any = zoo.load(str(saved(name)))
    text = None if name == "dance_diffusion" else "a cat"
    zoo.save(model, tmp_path / "native", format="diffusers")
    zoo.save(model, tmp_path / "ours")
    wanted = _sample(model, 2, text)
    for folder in ("native", "ours"):
        assert torch.equal(_sample(zoo.load(str(tmp_path / folder)), 2, text), wanted)
    with silenced():
        native = diffusers.DiffusionPipeline.from_pretrained(tmp_path / "native")
    assert type(native).__name__ == model.config.pipeline


def test_what_is_not_served_is_named(pipelines: Pipelines) -> None:
    with pytest.raises(UnsupportedError, match="HunyuanVideoPipeline .a template"):
        bridged_pipeline("HunyuanVideoPipeline", {})
    with pytest.raises(UnsupportedError, match="no scheduler and no text_encoder and no tokenizer"):
        bridged_pipeline("WanPipeline", {"text_encoder": None})
    sounds, films = _model(pipelines("dance_diffusion")), _model(pipelines("text_to_video"))
    for options in ({"guidance_scale": 2.0}, {"negative": "dog"}, {"height": 8}):
        with pytest.raises(OptionError):
            _sample(sounds, 1, **options)
    with pytest.raises(OptionError, match="scales from 1, which is unguided"):
        _sample(films, 1, "a cat", guidance_scale=0.5)
    with pytest.raises(ConditionError):
        _sample(sounds, 1, "a cat")
    with pytest.raises(ConditionError):
        _sample(films, 1)


def test_a_configuration_that_is_none_is_refused(pipelines: Pipelines) -> None:
    sounds = _model(pipelines("dance_diffusion")).config.to_json()
    films = _model(pipelines("text_to_video")).config.to_json()
    for wrong in (
        {**sounds, "conditioner": films["conditioner"]},
        {**films, "conditioner": None},
        {**sounds, "arguments": {"generator": 1}},
        {**sounds, "arguments": {"num_frames": 1}},
    ):
        with pytest.raises(ConfigError):
            zoo.create("diffusers/pipeline", **wrong)
    with pytest.raises(UnsupportedError, match="installed diffusers"):
        zoo.create("diffusers/pipeline", **{**sounds, "pipeline": "MyOwnPipeline"})
    wrong = {**sounds, "space": zoo.Space.real(2, 32, rate=16.0)}
    with pytest.raises(ConfigError, match="space is what"):
        _sample(zoo.create("diffusers/pipeline", **wrong), 1)


def test_a_model_is_made_of_a_configuration_alone(pipelines: Pipelines) -> None:
    pipeline = pipelines("dance_diffusion")
    native = {name: described(one) for name, one in pipeline.components.items()}
    model = zoo.create(
        "diffusers/pipeline",
        pipeline="DanceDiffusionPipeline",
        components=native,
        space=zoo.Space.real(2, 64, rate=16.0),
    )
    model.load_state_dict(_model(pipeline).state_dict())
    wanted = pipeline(batch_size=1, generator=_first_chunk(), **STEPS).audios
    assert torch.equal(_sample(model.eval(), 1), torch.as_tensor(wanted))
