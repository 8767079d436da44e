"""Pipelines of sounds and films as models of the zoo, and back: what each of them makes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from zoo_core.config import FrozenDict, thaw
from zoo_core.errors import UnsupportedError
from zoo_plugin_diffusers.claim import LEFT_OUT
from zoo_plugin_diffusers.component import build_component, described
from zoo_plugin_diffusers.native_pipeline import (
    assembled,
    called_with,
    constructed_with,
    settings_of,
)
from zoo_plugin_diffusers.pipeline import Pipeline, PipelineConfig
from zoo_plugin_diffusers.plain_family import PLAIN_FAMILIES, PlainFamily
from zoo_plugin_diffusers.prompt import Prompt
from zoo_plugin_diffusers.served import PlainPipeline, named_unserved
from zoo_plugin_diffusers.text_to_image_bridge import bridged_prompt

_TEXT = ("text_encoder", "tokenizer")


def bridged_pipeline(
    name: str, components: Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> Pipeline:
    """Make a model of a pipeline's live components, which are taken as they are.

    `settings` are the pipeline's own beside its components, as model_index.json has them. Raises
    UnsupportedError, by name, for a pipeline whose samples this plugin doesn't know, and for one
    that isn't complete.
    """
    family = _family(name)
    settings = settings_of(name, settings or {})
    there = _joined(name, {key: one for key, one in components.items() if one is not None})
    own = {key: one for key, one in there.items() if not key.startswith(_TEXT)}
    made = family.made(own)
    parts: dict[str, Any] = dict(own)
    if family.encoding is not None:
        length = called_with(name).get("max_sequence_length")
        longest = there["tokenizer"].model_max_length if length is None else length
        parts["conditioner"] = bridged_prompt(family.encoding, there, lengths=(longest,))
    told = parts.get("conditioner")
    config = PipelineConfig(
        pipeline=name,
        components=FrozenDict({key: described(one) for key, one in own.items()}),
        settings=FrozenDict(settings),
        space=made.space,
        arguments=FrozenDict(made.arguments),
        conditioner=told.as_part() if isinstance(told, Prompt) else None,
        own_null=family.own_null,
    )
    return Pipeline(config, parts=parts)


def _family(name: str) -> PlainFamily:
    if name in list(PlainPipeline):
        return PLAIN_FAMILIES[PlainPipeline(name)]
    raise UnsupportedError(
        f"Pipelines that are served by their name are {', '.join(PlainPipeline)}, and those of "
        "pictures",
        received=named_unserved(name),
        remedy='zoo.create("diffusers/pipeline", …) takes any that is told its space.',
    )


def _joined(name: str, components: Mapping[str, Any]) -> dict[str, Any]:
    """Give components as the pipeline has them: AnimateDiff's puts its adapter into its network."""
    wanted = constructed_with(name)
    needed = {key for key, default in wanted.items() if default is inspect.Parameter.empty}
    missing = sorted(needed - LEFT_OUT - components.keys())
    if missing:
        raise UnsupportedError(f"A {name} is complete", received=f"no {' and no '.join(missing)}")
    pipeline = assembled(name, components, progress=False)
    return {key: pipeline.components[key] for key in components}


def native_pipeline(model: Pipeline) -> Any:
    """Give diffusers' own pipeline with the model's very modules, its text encoder included."""
    owners = [model, *(part for part in [model._conditioner()] if part is not None)]
    components: dict[str, Any] = {}
    for owner in owners:
        for key, native in owner.config.components.items():
            live = owner._modules.get(key)
            components[key] = build_component(native) if live is None else live
    settings = thaw(model.config.settings)
    return assembled(model.config.pipeline, settings | components, progress=True)
