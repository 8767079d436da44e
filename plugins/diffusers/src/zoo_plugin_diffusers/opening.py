"""Open a claimed repository: diffusers' own components, as the model of the zoo that they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_core.hooks.repository import Opening
from zoo_plugin_diffusers.claim import AUTOENCODER, INDEX, PipelineIndex
from zoo_plugin_diffusers.served import TextToImagePipeline, UnconditionalPipeline
from zoo_plugin_diffusers.weights import loaded

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model


def open_folder(opening: Opening) -> Model:
    """Open a folder of verified native files as a model, strictly.

    Raises UnsupportedError for a pipeline that the zoo has no interface for or the installed
    diffusers doesn't know, and what `weights.loaded` raises.
    """
    index = opening.folder / INDEX
    if index.is_file():
        fields = json.loads(index.read_text("utf-8"))
        return _pipeline(PipelineIndex.of(fields, opening.origin), opening)
    from zoo_plugin_diffusers.autoencoder import AutoencoderKL

    return AutoencoderKL.of(loaded(AUTOENCODER, opening.folder, opening))


def _pipeline(index: PipelineIndex, opening: Opening) -> Model:
    """Put live components behind the interfaces of the zoo, by the class of the pipeline."""
    from zoo_plugin_diffusers.pipeline_bridge import bridged_pipeline
    from zoo_plugin_diffusers.text_to_image_bridge import bridged_text_to_image
    from zoo_plugin_diffusers.unconditional import Unconditional

    components = _components(index, opening)
    if index.pipeline in list(UnconditionalPipeline):
        return Unconditional.of(UnconditionalPipeline(index.pipeline), **components)
    if index.pipeline in list(TextToImagePipeline):
        return bridged_text_to_image(index.pipeline, components, index.settings)
    return bridged_pipeline(index.pipeline, components, index.settings)


def _components(index: PipelineIndex, opening: Opening) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name, (_, kind) in index.components.items():
        folder = opening.folder / name
        found[name] = loaded(kind, folder if folder.is_dir() else opening.folder, opening)
    return found
