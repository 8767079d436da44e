"""Text-to-image pipelines of diffusers as models of the zoo, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo_core.config import FrozenDict
from zoo_core.errors import UnsupportedError
from zoo_plugin_diffusers.component import build_component, described
from zoo_plugin_diffusers.native_pipeline import assembled, called_with, constructed_with
from zoo_plugin_diffusers.pipeline_family import FAMILIES
from zoo_plugin_diffusers.prompt import Prompt, PromptEncoding
from zoo_plugin_diffusers.served import TextToImagePipeline
from zoo_plugin_diffusers.text_to_image import TextToImage, TextToImageConfig

_LONGEST = 10_000
"""More codes than any pipeline's prompts have; tokenizers without a length say 10^30."""
_TEXT = ("text_encoder", "tokenizer")
_ZEROS = "force_zeros_for_empty_prompt"


def bridged_prompt(
    encoding: PromptEncoding, components: Mapping[str, Any], **fields: Any
) -> Prompt:
    """Make a Conditioner of live text encoders and tokenizers; fields are its Config's others."""
    own = {
        name: component
        for name, component in components.items()
        if name.startswith(("text_encoder", "tokenizer")) and component is not None
    }
    encoders = {name: one for name, one in own.items() if name.startswith("text_encoder")}
    for name, encoder in encoders.items():
        if dict(described(encoder)).get("use_attention_mask"):
            raise UnsupportedError(
                "A text encoder attends to the padding too",
                received=f"{name} with use_attention_mask",
            )
    longest = max(fields["lengths"])
    if longest > _LONGEST:
        raise UnsupportedError(
            "A tokenizer says how long its prompts are", received=f"model_max_length {longest:g}"
        )
    native = FrozenDict({name: described(component) for name, component in own.items()})
    return Prompt(
        Prompt.Config(encoding=encoding, components=native, **fields),
        parts=encoders,
    )


def bridged_text_to_image(
    name: str, components: Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> TextToImage:
    """Make a model of a pipeline's live components; they are taken as they are.

    `settings` are the pipeline's own beside its components, as model_index.json has them. Raises
    UnsupportedError for a pipeline, or components, that aren't served.
    """
    pipeline = _served(name)
    family = FAMILIES[pipeline]
    settings = settings or {}
    there = {key: one for key, one in components.items() if one is not None}
    missing = [key for key in (family.network, "vae", "scheduler", *_TEXT) if key not in there]
    if missing:
        raise UnsupportedError(f"A {name} is complete", received=f"no {' and no '.join(missing)}")
    mine = {key: there[key] for key in (family.network, "vae", "scheduler")}
    prompt = bridged_prompt(
        family.encoding, there, **_prompt_fields(pipeline, there, mine[family.network], settings)
    )
    config = TextToImageConfig(
        pipeline=pipeline,
        components=FrozenDict({key: described(one) for key, one in mine.items()}),
        conditioner=prompt.as_part(),
    )
    return TextToImage(config, parts={**mine, "conditioner": prompt})


def native_text_to_image(model: TextToImage) -> Any:
    """Give diffusers' own pipeline with the model's very modules, its text encoders included."""
    prompt: Any = model.get_submodule("conditioner")
    native = {**prompt.config.components, **model.config.components}
    components = {key: _live(model, prompt, key, one) for key, one in native.items()}
    if _ZEROS in constructed_with(model.config.pipeline.value):
        components[_ZEROS] = prompt.config.zero_null
    return assembled(model.config.pipeline.value, components, progress=True)


def _live(model: TextToImage, prompt: Prompt, name: str, native: Mapping[str, Any]) -> Any:
    for owner in (model, prompt):
        if name in owner._modules:
            return owner.get_submodule(name)
    return build_component(native)


def _served(name: str) -> TextToImagePipeline:
    try:
        return TextToImagePipeline(name)
    except ValueError:
        raise UnsupportedError(
            f"Text-to-image pipelines are {', '.join(TextToImagePipeline)}", received=name
        ) from None


def _prompt_fields(
    pipeline: TextToImagePipeline,
    components: Mapping[str, Any],
    network: Any,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Say how long prompts are, and what null is, as the pipeline does by itself."""
    own = [components[key].model_max_length for key in sorted(components) if "tokenizer" in key]
    if pipeline is TextToImagePipeline.STABLE_DIFFUSION:
        return {"lengths": (own[0],)}
    if pipeline is TextToImagePipeline.STABLE_DIFFUSION_XL:
        zeros = settings.get(_ZEROS, True)
        return {"lengths": tuple(own), "zero_null": zeros}
    longest = called_with(pipeline.value)["max_sequence_length"]
    if pipeline is TextToImagePipeline.FLUX:
        return {"lengths": (own[0], longest)}
    width = network.config.joint_attention_dim
    return {"lengths": (own[0], own[0], longest), "width": width}
