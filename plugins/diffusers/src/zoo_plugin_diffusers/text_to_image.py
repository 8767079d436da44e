"""Text to image: Stable Diffusion 1, 2, XL and 3, and Flux, as diffusers' pipelines run them."""

from __future__ import annotations

from typing import Annotated, Any, Self, final

import pydantic
import torch
from torch import Tensor

from zoo_core import config as configuration
from zoo_core.config import FrozenDict
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.objective import Objective
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.space import Space
from zoo_plugin_diffusers.component import module
from zoo_plugin_diffusers.guidance_scale import require_option
from zoo_plugin_diffusers.latent_loss import LatentLoss
from zoo_plugin_diffusers.native_pipeline import (
    assembled,
    called_with,
    components_of,
    drawn_at_once,
)
from zoo_plugin_diffusers.picture_request import (
    PictureOptions,
    PictureRequest,
    classifier_free,
    starting_image,
)
from zoo_plugin_diffusers.pipeline_family import FAMILIES, PipelineFamily
from zoo_plugin_diffusers.served import TextToImagePipeline


@final
class TextToImageConfig(configuration.Config):
    """The pipeline's class, and the native configurations of its components.

    components: the network that denoises (`unet` or `transformer`), `vae` and `scheduler`; what
    reads the text is the conditioner. height, width: of the pictures; steps, guidance_scale: how
    they are drawn unasked. All four are the pipeline's own defaults where they aren't given.
    """

    pipeline: TextToImagePipeline
    components: FrozenDict
    conditioner: Annotated[Part, Provides(Conditioner)]
    height: pydantic.PositiveInt | None = None
    width: pydantic.PositiveInt | None = None
    steps: pydantic.PositiveInt | None = None
    guidance_scale: pydantic.NonNegativeFloat | None = None

    @pydantic.model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = {FAMILIES[self.pipeline].network, "vae", "scheduler"}
        if set(self.components) != wanted:
            raise ValueError(f"components are {', '.join(sorted(wanted))}")
        return self


@final
class TextToImage(Generator):
    """Pictures `[3, h, w]` between 0 and 1 of a text, by a text-to-image pipeline of diffusers.

    The samples are the pipeline's own, to the bit: its object is called with the text's
    embeddings and `call.rng`. Unasked they are led at the pipeline's default scale;
    `guidance=[ClassifierFree(scale, negative=…)]`, or the options `guidance_scale` and
    `negative`, lead them otherwise, and scale 1 not at all. Scales that differ cost a call each.
    `observed` is told to the inpainting pipeline of the same components, and the options `image`
    and `strength` to the image-to-image one. Safety checkers and watermarks aren't loaded.
    """

    architecture = "diffusers/text-to-image"
    Config = TextToImageConfig
    SampleOptions = PictureOptions
    observes = True
    guides = True

    config: TextToImageConfig

    def _space(self) -> Space:
        height, width = self._family.default_size(self.config.components)
        return Space.unit(3, self.config.height or height, self.config.width or width)

    def _build(self) -> None:
        for name in (self._family.network, "vae"):
            self.add_module(name, self._taken(name) or module(self.config.components[name]))

    @property
    def _family(self) -> PipelineFamily:
        return FAMILIES[self.config.pipeline]

    def _sample(self, n: int, call: Call) -> Tensor:
        parts = self._request(n, call).parts(call.options.at_once or drawn_at_once(self.space))
        return torch.cat([self._drawn(part, call) for part in parts])

    def _request(self, n: int, call: Call) -> PictureRequest:
        """Gather what the rows are asked for."""
        options: PictureOptions = call.options
        told, observed = call.context, call.observed
        led = classifier_free(call.guidance, options)
        negative = self._negative(options) if led is None else led.null
        if told is None or negative is None or isinstance(observed, Tensor):
            raise UnsupportedError(f"{self.architecture} needs a condition")
        image = starting_image(options, self.space)
        return PictureRequest(
            told=told,
            negative=negative.to(self.device, self.dtype).expand(n),
            scale=None if led is None else led.scale,
            observed=observed,
            image=None if image is None else image.to(self.device, self.dtype),
            strength=options.strength,
        )

    def _negative(self, options: PictureOptions) -> Context:
        conditioner = self._conditioner()
        return (
            conditioner.null if options.negative is None else conditioner.context(options.negative)
        )

    def _drawn(self, request: PictureRequest, call: Call) -> Tensor:
        """Draw a few rows by a call of the pipeline, or a call for each scale among them.

        So a row gets the noise that it would get whatever the others' scales are.
        """
        if request.scale is None:
            return self._called(request, None, call)
        start = call.rng.get_state()
        drawn = torch.zeros(len(request), *self.space.shape, device=self.device, dtype=self.dtype)
        for scale in request.scale.unique():
            call.rng.set_state(start)
            here = (request.scale == scale)[:, None, None, None]
            drawn = torch.where(here, self._called(request, float(scale), call), drawn)
        return drawn

    def _called(self, request: PictureRequest, scale: float | None, call: Call) -> Tensor:
        """Call the pipeline of what is asked for."""
        name, start = request.start(self._family)
        options: PictureOptions = call.options
        _, height, width = self.space.shape
        arguments = {
            **request.embeddings(),
            **self._scales(scale, options),
            "num_inference_steps": self._unasked("num_inference_steps", options.steps),
            **{"height": height, "width": width},
            **{"generator": call.rng, "output_type": "pt"},
            **start,
        }
        taken = called_with(name)
        components = components_of(self, self.config.components)
        pipeline: Any = assembled(name, components, progress=options.progress)
        made = pipeline(**{key: value for key, value in arguments.items() if key in taken})
        return made.images.to(self.dtype)

    def _scales(self, scale: float | None, options: PictureOptions) -> dict[str, float]:
        """Give the scale of guidance under its name; unasked, the default one."""
        distilled = (
            self.config.components[self._family.network].get("time_cond_proj_dim") is not None
        )
        if self._family.scale == "guidance_scale" and not distilled:
            require_option(options.guidance_scale)
        scales = {"guidance_scale": self._unasked("guidance_scale", options.guidance_scale)}
        if scale is None:
            return scales
        if distilled:
            raise UnsupportedError(
                "A network that was distilled takes the scale of its guidance as an input",
                received="guidance=…",
                remedy="Give the option guidance_scale.",
            )
        return {**scales, self._family.scale: scale}

    def _unasked(self, argument: str, asked: Any) -> Any:
        """Give what is asked for, else the configuration's, else the pipeline's default."""
        own = {
            "num_inference_steps": self.config.steps,
            "guidance_scale": self.config.guidance_scale,
        }[argument]
        found = own if asked is None else asked
        return called_with(self.config.pipeline.value)[argument] if found is None else found

    def _objectives(self) -> tuple[Objective, ...]:
        # The trainer freezes what isn't named. Frozen for good, the others would no longer agree
        # with the pipeline to the bit: torch has other kernels for weights without gradients.
        return (Objective("noise", (self._family.network,)),)

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        """Give the loss of each row's latents, by which the network alone is fine-tuned."""
        if call.context is None:
            raise UnsupportedError(f"{self.architecture} is trained on pictures with texts")
        x: Any = batch.x
        return LatentLoss.of(self).rows(x, call.context, call.rng)
