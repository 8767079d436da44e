"""Picture requests: what one chunk of text-to-image samples is asked for, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Annotated, Any, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core import config as configuration
from zoo_core.config import Live
from zoo_core.errors import DataError, OptionError, UnsupportedError
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.guidance import BoundClassifierFree, BoundGuidance
from zoo_core.interfaces.space import Space
from zoo_plugin_diffusers.guidance_scale import require_guidance
from zoo_plugin_diffusers.pipeline_family import PipelineFamily

_GREY = 0.5


@final
class PictureOptions(configuration.Config):
    """Options of text-to-image sampling.

    steps, guidance_scale: by default as the model's configuration says, else the pipeline itself. A
    scale of classifier-free guidance is at least 1, which is unguided; that which a distilled
    network is told, as Flux is, may be less. negative: a text that samples are led away from.
    image: a picture to start from, [3, h, w] between 0 and 1 or a PIL image; strength: how much of
    it is drawn anew, up to 1, which is all; by default the pipeline's. at_once: how many pictures
    are drawn together, by default as many as have two million pixels. progress: show a bar.
    """

    steps: pydantic.PositiveInt | None = None
    guidance_scale: pydantic.NonNegativeFloat | None = None
    negative: str | None = None
    image: Annotated[Any, Live()] = None
    strength: Annotated[float, pydantic.Field(gt=0, le=1)] | None = None
    at_once: pydantic.PositiveInt | None = None
    progress: bool = False


@final
@dataclass(frozen=True, eq=False)
class PictureRequest:
    """Rows of a chunk: what they are told, and the scale `[n]` of classifier-free guidance.

    `image` is the same for all rows, and `strength` how much of it is drawn anew.
    """

    told: Context
    negative: Context
    scale: Float[Tensor, " n"] | None = None
    observed: Observed | None = None
    image: Float[Tensor, "3 h w"] | None = None
    strength: float | None = None

    def __len__(self) -> int:
        return len(self.told)

    def take(self, rows: slice) -> PictureRequest:
        """Give the chosen rows."""
        return PictureRequest(
            self.told.take(rows),
            self.negative.take(rows),
            None if self.scale is None else self.scale[rows],
            None if self.observed is None else self.observed.take(rows),
            self.image,
            self.strength,
        )

    def parts(self, at_once: int) -> Iterator[PictureRequest]:
        """Give the rows a few at a time."""
        for start in range(0, len(self), at_once):
            yield self.take(slice(start, start + at_once))

    def start(self, family: PipelineFamily) -> tuple[str, dict[str, Any]]:
        """Choose the pipeline by what is known of the pictures, and give what it is told of it.

        What isn't known is grey to an inpainting pipeline, or the image's, and drawn anew.
        """
        strength = {} if self.strength is None else {"strength": self.strength}
        if self.observed is not None:
            return family.inpainting, {"strength": 1.0, **strength, **self._masked(self.observed)}
        if self.image is not None:
            image = self.image.expand(len(self), -1, -1, -1)
            return family.image_to_image, {"image": image, **strength}
        return family.text_to_image, {}

    def _masked(self, observed: Observed) -> dict[str, Tensor]:
        """Give the picture and the mask of an inpainting pipeline, whose 1 is to be drawn.

        A pixel counts as known where all its colours are.
        """
        known = observed.mask.all(1, keepdim=True)
        values: Tensor = observed.values
        unknown = torch.full_like(values, _GREY) if self.image is None else self.image.to(values)
        return {"image": torch.where(known, values, unknown), "mask_image": (~known).to(values)}

    def embeddings(self) -> dict[str, Tensor]:
        """Give the contexts under the names of the pipelines' arguments."""
        named = {
            "prompt_embeds": self.told.sequence,
            "pooled_prompt_embeds": self.told.vector,
            "negative_prompt_embeds": self.negative.sequence,
            "negative_pooled_prompt_embeds": self.negative.vector,
        }
        return {name: tensor for name, tensor in named.items() if tensor is not None}


def classifier_free(
    guidance: Sequence[BoundGuidance], options: PictureOptions
) -> BoundClassifierFree | None:
    """Give the one guidance that pipelines know.

    Raises UnsupportedError for others, OptionError where the options lead already.
    """
    if not guidance:
        return None
    one = guidance[0]
    if len(guidance) > 1 or not isinstance(one, BoundClassifierFree):
        raise UnsupportedError(
            "Pipelines of diffusers are led by classifier-free guidance, once",
            received=", ".join(type(other).__name__ for other in guidance),
            remedy="Give guidance=[ClassifierFree(scale)].",
        )
    require_guidance(float(one.scale.min()))
    if options.guidance_scale is not None or options.negative is not None:
        raise OptionError(
            "Samples are led by guidance=[ClassifierFree(…)] or by options",
            received="guidance, and guidance_scale or negative beside it",
            remedy="ClassifierFree(scale, negative=…) says both.",
        )
    return one


def starting_image(options: PictureOptions, space: Space) -> Float[Tensor, "3 h w"] | None:
    """Give the option `image` as a tensor. Raises OptionError."""
    if options.image is None:
        if options.strength is not None:
            raise OptionError("strength is that of an image", received="strength without image")
        return None
    if isinstance(options.image, str | PathLike):
        raise OptionError(
            "image is a picture, not the name of its file",
            received=str(options.image)[:200],
            remedy="Open it: PIL.Image.open(…).",
        )
    try:
        image = space.tensor(options.image)
        image = image if image.ndim == len(space.shape) + 1 else image[None]
        (image,) = space.check(image, what="image")
    except (DataError, ValueError) as error:
        raise OptionError(
            f"image is one picture {list(space.shape)} of numbers between 0 and 1, or a PIL image",
            received=error.received if isinstance(error, DataError) else "several",
            remedy=error.remedy if isinstance(error, DataError) else "Sample one after another.",
        ) from None
    return image
