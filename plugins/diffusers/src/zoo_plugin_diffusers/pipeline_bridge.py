"""Pipelines of sounds and films as models of the zoo, and back: what each of them makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, final

from zoo_core.config import FrozenDict
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.space import Space
from zoo_plugin_diffusers.component import build_component, described
from zoo_plugin_diffusers.native_pipeline import assembled, called_with
from zoo_plugin_diffusers.pipeline import Pipeline, PipelineConfig
from zoo_plugin_diffusers.prompt import Prompt, PromptEncoding
from zoo_plugin_diffusers.text_to_image_bridge import bridged_prompt

_TEXT = ("text_encoder", "tokenizer")
_FRAMES_A_SECOND = 8.0


@final
class _Made(NamedTuple):
    """What a pipeline makes unasked, and by which arguments of its call that is fixed."""

    space: Space
    arguments: Mapping[str, Any]


def bridged_pipeline(name: str, components: Mapping[str, Any]) -> Pipeline:
    """Make a model of a pipeline's live components, which are taken as they are.

    Raises UnsupportedError, by name, for a pipeline whose samples this plugin doesn't know.
    """
    if name not in PIPELINES:
        raise UnsupportedError(
            f"Pipelines that are served by their name are {', '.join(sorted(PIPELINES))}, and "
            "those of pictures",
            received=name,
            remedy='zoo.create("diffusers/pipeline", …) takes any that is told its space.',
        )
    make, encoding = PIPELINES[name]
    there = {key: one for key, one in components.items() if one is not None}
    own = {key: one for key, one in there.items() if not key.startswith(_TEXT)}
    made = make(own, name)
    parts: dict[str, Any] = dict(own)
    if encoding is not None:
        length = called_with(name).get("max_sequence_length")
        longest = there["tokenizer"].model_max_length if length is None else length
        prompt = bridged_prompt(encoding, there, lengths=(longest,))
        parts["conditioner"] = prompt
    told = parts.get("conditioner")
    config = PipelineConfig(
        pipeline=name,
        components=FrozenDict({key: described(one) for key, one in own.items()}),
        space=made.space,
        arguments=FrozenDict(made.arguments),
        conditioner=told.as_part() if isinstance(told, Prompt) else None,
    )
    return Pipeline(config, parts=parts)


def native_pipeline(model: Pipeline) -> Any:
    """Give diffusers' own pipeline with the model's very modules, its text encoder included."""
    owners = [model, *(part for part in [model._conditioner()] if part is not None)]
    components: dict[str, Any] = {}
    for owner in owners:
        for key, native in owner.config.components.items():
            live = owner._modules.get(key)
            components[key] = build_component(native) if live is None else live
    return assembled(model.config.pipeline, components, progress=True)


def _dance(own: Mapping[str, Any], name: str) -> _Made:
    del name
    unet = own["unet"].config
    length = unet.sample_size
    return _Made(Space.real(unet.in_channels, length, rate=float(unet.sample_rate)), {})


def _audio_ldm(own: Mapping[str, Any], name: str) -> _Made:
    """As long as the network's own spectrograms are, as the pipeline has it."""
    del name
    vocoder = own["vocoder"].config
    upsampling = 1
    for rate in vocoder.upsample_rates:
        upsampling *= rate
    seconds = own["unet"].config.sample_size * _factor(own) * (upsampling / vocoder.sampling_rate)
    samples = int(seconds * vocoder.sampling_rate)
    return _Made(Space.real(1, samples, rate=float(vocoder.sampling_rate)), {})


def _text_to_video(own: Mapping[str, Any], name: str) -> _Made:
    frames = called_with(name)["num_frames"]
    side = own["unet"].config.sample_size * _factor(own)
    space = Space.unit(frames, 3, side, side, rate=_FRAMES_A_SECOND)
    return _Made(space, {"num_frames": frames, "height": side, "width": side})


def _factor(own: Mapping[str, Any]) -> int:
    return 2 ** (len(own["vae"].config.block_out_channels) - 1)


PIPELINES: Mapping[str, tuple[Callable[[Mapping[str, Any], str], _Made], PromptEncoding | None]] = {
    "AudioLDMPipeline": (_audio_ldm, PromptEncoding.CLAP),
    "DanceDiffusionPipeline": (_dance, None),
    "TextToVideoSDPipeline": (_text_to_video, PromptEncoding.SINGLE),
}
"""What each pipeline that is known by its name makes, and how it reads its prompt."""
