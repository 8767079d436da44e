"""Pictures as transformers' image processors make them: resized, cropped, normalised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.config import thaw
from zoo_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from PIL import Image
    from transformers.image_processing_backends import PilBackend

_BYTE = 1 / 255


@final
class PictureProcessor:
    """What a native preprocessor_config.json says, done by the library's own class on PIL images.

    Pictures between 0 and 1 stand between its two halves: `pictures` resizes and crops, and
    `normalised` does the rest, differentiably. Raises ConfigError for a configuration of another
    kind.
    """

    def __init__(self, native: Mapping[str, Any]) -> None:
        self._library = _built(native)
        if not (self._library.do_rescale and abs(self._library.rescale_factor - _BYTE) < 1e-9):
            raise ConfigError(
                "Pictures are bytes that an image processor divides by 255",
                received=f"do_rescale={self._library.do_rescale}, "
                f"rescale_factor={self._library.rescale_factor}",
            )

    def pictures(self, images: Sequence[Image.Image]) -> Float[Tensor, "n c h w"]:
        """Resize and crop images of any size, by the processor's rules, to values in [0, 1]."""
        made = self._library(list(images), do_normalize=False, return_tensors="pt")
        return made["pixel_values"]

    def normalised(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Subtract each channel's mean and divide by its standard deviation."""
        if not self._library.do_normalize:
            return x
        mean, std = (
            torch.as_tensor(one, dtype=x.dtype, device=x.device).expand(x.shape[1])[:, None, None]
            for one in (self._library.image_mean, self._library.image_std)
        )
        return (x - mean) / std


def described_processor(processor: Any) -> dict[str, Any]:
    """Give a live image processor's native configuration as JSON."""
    import json

    return json.loads(processor.to_json_string())


def _built(native: Mapping[str, Any]) -> PilBackend:
    """Make the library's processor on PIL images that a native configuration names."""
    import transformers
    from transformers.image_processing_backends import PilBackend

    fields = thaw(native)
    named = fields.get("image_processor_type") or fields.get("feature_extractor_type")
    name = str(named).replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast")
    found = getattr(transformers, f"{name}Pil", None)
    if not (isinstance(found, type) and issubclass(found, PilBackend)):
        raise ConfigError(
            "transformers has a processor of PIL images of the name that a configuration gives",
            received=repr(named),
            remedy="Give pictures of the network's size, and a processor such as CLIPImageProcessor.",
        )
    try:
        return found.from_dict(fields)
    except Exception as error:  # noqa: BLE001  transformers has many errors for a wrong field
        raise ConfigError(
            f"The configuration is one of transformers' {name}",
            received=f"{type(error).__name__}: {error}",
        ) from error


def require_size(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Give pictures back. Raises DataError where the processor makes others than the network's."""
    if tuple(x.shape[1:]) != shape:
        raise DataError(
            f"The network sees pictures {list(shape)}",
            received=f"{list(x.shape[1:])}, as the image processor makes them",
        )
    return x
