"""Samples as PIL images, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.space import Kind, Space

_DRAWABLE = (Kind.UNIT, Kind.BINARY, Kind.ORDINAL)
_CHANNELS = {1: "L", 3: "RGB"}
_READABLE = ("1", "L", "P", "RGB")
_GREY = 127.5


def is_picture(space: Space) -> bool:
    """Say whether samples are pictures: grey `[h, w]`, `[1, h, w]` or colour `[3, h, w]`.

    They are where values have an agreed black and white: unit, binary and ordinal spaces.
    """
    *channels, height, width = (0, 0, *space.shape)[-3:] if len(space.shape) > 1 else (0, 0, 0)
    flat = len(space.shape) == 2 or (len(space.shape) == 3 and channels[0] in _CHANNELS)
    return flat and not space.ragged and space.kind in _DRAWABLE and min(height, width) > 0


def to_images(space: Space, x: Any) -> list[Image.Image]:
    """Turn samples `[n, *shape]` into n images; the lowest value is black, missing ones mid-grey.

    Raises DataError where samples are no pictures, or x does not lie in the space.
    """
    _require_picture(space)
    data = space.check(space.tensor(x).detach().cpu())
    top = (space.n_levels or 2) - 1
    light = data.to(torch.float64) * (255.0 / max(top, 1))
    light = torch.where(space.is_missing(data), torch.full_like(light, _GREY), light)
    pixels = light.round().to(torch.uint8).numpy()
    if len(space.shape) == 3:
        pixels = np.moveaxis(pixels, 1, -1)
        pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return [Image.fromarray(np.ascontiguousarray(picture)) for picture in pixels]


def from_images(space: Space, images: Sequence[Image.Image]) -> Tensor:
    """Turn images into samples `[n, *shape]` of the space: the inverse of `to_images`.

    Grey and colour are converted into each other; ordinal spaces get the nearest level, binary
    ones are cut in the middle. Raises DataError for another size, or a mode with transparency
    or more than 8 bits.
    """
    _require_picture(space)
    if not images:
        raise DataError("At least one image is needed", received="an empty list")
    light = torch.from_numpy(np.stack([_pixels(space, image) for image in images])) / 255.0
    if space.kind is Kind.UNIT:
        return light.to(torch.get_default_dtype())
    top = (space.n_levels or 2) - 1
    return (light * top + 0.5).floor().to(torch.int64)


def _pixels(space: Space, image: Image.Image) -> np.ndarray:
    *channels, height, width = space.shape
    if image.size != (width, height):
        raise DataError(
            f"Images are {width} wide and {height} high",
            received=f"{image.size[0]} by {image.size[1]}",
            remedy=f"Resize them: image.resize(({width}, {height})).",
        )
    if image.mode not in _READABLE:
        raise DataError(
            f"Images have the mode {', '.join(_READABLE)}",
            received=image.mode,
            remedy='Convert them: image.convert("RGB").',
        )
    pixels = np.asarray(image.convert(_CHANNELS[channels[0] if channels else 1]), np.float64)
    return np.moveaxis(np.atleast_3d(pixels), -1, 0).reshape(space.shape)


def _require_picture(space: Space) -> None:
    if not is_picture(space):
        raise DataError(
            "Pictures are [h, w], [1, h, w] or [3, h, w] of unit, binary or ordinal values",
            received=f"{space.kind} values of shape {list(space.shape)}",
            remedy="Use rows: to_rows, or a .csv file.",
        )
