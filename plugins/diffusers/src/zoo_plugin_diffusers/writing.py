"""Write a model of this plugin's in diffusers' own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.model import Model
from zoo_plugin_diffusers.silence import silenced

_NAMESPACE = "diffusers/"


def write_folder(model: Model, folder: Path) -> bool | None:
    """Write what `DiffusionPipeline.from_pretrained`, or a component's own, reads.

    Give None for a model of another plugin's. Raises UnsupportedError for a view by `given`, and
    for a part of a pipeline that has no format of its own.
    """
    if not model.architecture.startswith(_NAMESPACE):
        return None
    if model.is_given:
        raise UnsupportedError(
            "A view with a bound condition can't be saved", remedy="Save the model itself."
        )
    with silenced():
        _native(model).save_pretrained(folder)
    return True


def _native(model: Model) -> Any:
    """Give diffusers' own object with the model's very modules."""
    from zoo_plugin_diffusers.autoencoder import AutoencoderKL
    from zoo_plugin_diffusers.pipeline import Pipeline
    from zoo_plugin_diffusers.pipeline_bridge import native_pipeline
    from zoo_plugin_diffusers.text_to_image import TextToImage
    from zoo_plugin_diffusers.text_to_image_bridge import native_text_to_image
    from zoo_plugin_diffusers.unconditional import Unconditional

    if isinstance(model, Unconditional | AutoencoderKL):
        return model.native()
    if isinstance(model, TextToImage):
        return native_text_to_image(model)
    if isinstance(model, Pipeline):
        return native_pipeline(model)
    raise UnsupportedError(
        "diffusers' format is one of pipelines and autoencoders",
        received=model.architecture,
        remedy="Leave out the format: the zoo's own holds every model.",
    )
