"""Families of text-to-image pipelines: what one set of components can be asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from zoo_plugin_diffusers.prompt import PromptEncoding
from zoo_plugin_diffusers.served import TextToImagePipeline


@final
@dataclass(frozen=True)
class PipelineFamily:
    """Three pipelines of the same components, and what they call things.

    `network` is the component that denoises; `scale` the argument that is the scale of
    classifier-free guidance; `latent_size` the side of the latent pictures where the network's
    configuration doesn't say.
    """

    text_to_image: str
    inpainting: str
    image_to_image: str
    encoding: PromptEncoding
    network: str
    scale: str = "guidance_scale"
    latent_size: int | None = None

    def default_size(self, components: Mapping[str, Any]) -> tuple[int, int]:
        """Give the height and the width of pictures that the pipeline makes unasked."""
        native = components[self.network]
        size = self.latent_size or native["sample_size"]
        height, width = size if isinstance(size, list | tuple) else (size, size)
        factor = 2 ** (len(components["vae"]["block_out_channels"]) - 1)
        return height * factor, width * factor


FAMILIES: Mapping[TextToImagePipeline, PipelineFamily] = {
    TextToImagePipeline.STABLE_DIFFUSION: PipelineFamily(
        text_to_image="StableDiffusionPipeline",
        inpainting="StableDiffusionInpaintPipeline",
        image_to_image="StableDiffusionImg2ImgPipeline",
        encoding=PromptEncoding.SINGLE,
        network="unet",
    ),
    TextToImagePipeline.STABLE_DIFFUSION_XL: PipelineFamily(
        text_to_image="StableDiffusionXLPipeline",
        inpainting="StableDiffusionXLInpaintPipeline",
        image_to_image="StableDiffusionXLImg2ImgPipeline",
        encoding=PromptEncoding.STABLE_DIFFUSION_XL,
        network="unet",
    ),
    TextToImagePipeline.STABLE_DIFFUSION_3: PipelineFamily(
        text_to_image="StableDiffusion3Pipeline",
        inpainting="StableDiffusion3InpaintPipeline",
        image_to_image="StableDiffusion3Img2ImgPipeline",
        encoding=PromptEncoding.STABLE_DIFFUSION_3,
        network="transformer",
    ),
    # Its guidance_scale goes into the distilled network; the classifier-free one is another.
    TextToImagePipeline.FLUX: PipelineFamily(
        text_to_image="FluxPipeline",
        inpainting="FluxInpaintPipeline",
        image_to_image="FluxImg2ImgPipeline",
        encoding=PromptEncoding.FLUX,
        network="transformer",
        scale="true_cfg_scale",
        latent_size=128,
    ),
}
