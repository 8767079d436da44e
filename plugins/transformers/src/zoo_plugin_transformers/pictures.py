"""Pictures as transformers' image processors make them: resized, cropped, normalised."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.config import thaw
from zoo_core.errors import ConfigError, DataError
from zoo_core.interfaces.space import Space

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BaseImageProcessor

_FILE, _WITH_TOKENIZER = "preprocessor_config.json", "processor_config.json"
_BYTE = 1 / 255
_USUAL = {
    "clip": "CLIPImageProcessor",
    "clip_vision_model": "CLIPImageProcessor",
    "deit": "DeiTImageProcessor",
    "dinov2": "BitImageProcessor",
    "dinov2_with_registers": "BitImageProcessor",
    "siglip": "SiglipImageProcessor",
    "siglip_vision_model": "SiglipImageProcessor",
    "vit": "ViTImageProcessor",
}
"""The processor of each model type, where a repository doesn't name one."""


@final
class PictureProcessor:
    """What a native preprocessor_config.json says, done by the library's own class on PIL images.

    Pictures between 0 and 1 stand between its two halves: `pictures` resizes and crops, and
    `normalised` does the rest, differentiably. Raises ConfigError for a configuration of another
    kind.
    """

    def __init__(self, native: Mapping[str, Any]) -> None:
        self._library: Any = _built(native)
        if not (self._library.do_rescale and abs(self._library.rescale_factor - _BYTE) < 1e-9):
            raise ConfigError(
                "Pictures are bytes that an image processor divides by 255",
                received=f"do_rescale={self._library.do_rescale}, "
                f"rescale_factor={self._library.rescale_factor}",
            )

    def pictures(self, images: Sequence[Image.Image], space: Space) -> Float[Tensor, "n c h w"]:
        """Resize and crop images of any size, by the processor's rules, to values in [0, 1].

        Raises DataError where the result isn't of the space's shape.
        """
        # Images may become of unequal sizes, which the library's own stacking has no words for.
        made = self._library(list(images), do_normalize=False)["pixel_values"]
        other = [list(one.shape) for one in made if one.shape != space.shape]
        if other:
            raise DataError(
                f"Pictures are {list(space.shape)}",
                received=f"{other[0]}, as the image processor makes them",
                remedy="Crop and resize them yourself.",
            )
        return torch.stack([torch.from_numpy(one) for one in made])

    def normalised(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Subtract each channel's mean and divide by its standard deviation."""
        if not self._library.do_normalize:
            return x
        mean, std = (
            torch.as_tensor(one, dtype=x.dtype, device=x.device).expand(x.shape[1])[:, None, None]
            for one in (self._library.image_mean, self._library.image_std)
        )
        return (x - mean) / std


def native_processor(
    given: Mapping[str, Any] | BaseImageProcessor | None, model_type: str, size: int
) -> dict[str, Any]:
    """Give a processor's native configuration: that of a live one, or what a file holds.

    Where nothing is given, or no class is named, it is the usual one of the model type, for
    pictures of this size.
    """
    usual = {"image_processor_type": _USUAL.get(model_type)}
    if given is None:
        square = {"height": size, "width": size}
        cropped = usual["image_processor_type"] in ("CLIPImageProcessor", "BitImageProcessor")
        return {
            **usual,
            "size": {"shortest_edge": size} if cropped else square,
            "crop_size": square,
        }
    if not isinstance(given, Mapping):
        return json.loads(given.to_json_string())
    return dict(given) if _named(given) else {**given, **usual}


def read_processor(folder: Path) -> dict[str, Any] | None:
    """Read how a folder of native files prepares pictures; None where that isn't said."""
    for name in (_FILE, _WITH_TOKENIZER):
        if (folder / name).is_file():
            held = json.loads((folder / name).read_text("utf-8"))
            held = held if name == _FILE else held.get("image_processor")
            if isinstance(held, dict):
                return held
    return None


def write_processor(native: Mapping[str, Any], folder: Path) -> None:
    """Write the native file that says how pictures are prepared."""
    _built(native).save_pretrained(folder)


def _named(fields: Mapping[str, Any]) -> Any:
    return fields.get("image_processor_type") or fields.get("feature_extractor_type")


def _built(native: Mapping[str, Any]) -> Any:
    """Make the library's processor of PIL images that a native configuration names."""
    import transformers
    from transformers.image_processing_backends import PilBackend

    fields = thaw(native)
    name = str(_named(fields)).replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast")
    found = getattr(transformers, f"{name}Pil", None)
    if not (isinstance(found, type) and issubclass(found, PilBackend)):
        raise ConfigError(
            "An image processor is one of transformers' own, of PIL images",
            received=repr(_named(fields)),
            remedy="CLIPImageProcessor resizes, crops and normalises.",
        )
    try:
        return found.from_dict(fields)
    except Exception as error:  # transformers has many errors for a wrong field
        raise ConfigError(
            f"The configuration is one of transformers' {name}",
            received=f"{type(error).__name__}: {error}",
        ) from error
