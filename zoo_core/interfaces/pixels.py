"""Pixels: PIL images as samples of a space of pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.kind import Kind

if TYPE_CHECKING:
    from PIL import Image

_DRAWABLE = (Kind.UNIT, Kind.BINARY, Kind.ORDINAL)
_CHANNELS = {1: "L", 3: "RGB"}
_READABLE = ("1", "L", "P", "RGB")


def pictures_of(values: Any) -> list[Image.Image] | None:
    """Give PIL images, one or a list of them, as a list; None of anything else."""
    pillow = sys.modules.get("PIL.Image")  # whoever has an image has imported it
    if pillow is None:
        return None
    if isinstance(values, pillow.Image):
        return [values]
    if not isinstance(values, list | tuple) or not values:
        return None
    return list(values) if all(isinstance(one, pillow.Image) for one in values) else None


def is_picture(kind: Kind, shape: tuple[int, ...]) -> bool:
    """Say whether samples are pictures: grey `[h, w]`, `[1, h, w]` or colour `[3, h, w]`.

    They are where values have an agreed black and white: unit, binary and ordinal kinds.
    """
    flat = len(shape) == 2 or (len(shape) == 3 and shape[0] in _CHANNELS)
    return flat and kind in _DRAWABLE and min(shape[-2:]) > 0


def samples(
    pictures: Sequence[Image.Image], kind: Kind, shape: tuple[int, ...], levels: int | None
) -> Tensor:
    """Turn images into samples `[n, *shape]`.

    Grey and colour are converted into each other; ordinal kinds get the nearest level, binary
    ones are cut in the middle. Raises DataError for samples that are no pictures, another size,
    or a mode with transparency or more than 8 bits.
    """
    if not is_picture(kind, shape):
        raise DataError(
            "Pictures are [h, w], [1, h, w] or [3, h, w] of unit, binary or ordinal values",
            received=f"images, for {kind} values of shape {list(shape)}",
            remedy="Give a tensor, or an array.",
        )
    light = torch.from_numpy(np.stack([_light(one, shape) for one in pictures])) / 255.0
    if kind is Kind.UNIT:
        return light.to(torch.get_default_dtype())
    top = (levels or 2) - 1
    return (light * top + 0.5).floor().to(torch.int64)


def _light(picture: Image.Image, shape: tuple[int, ...]) -> np.ndarray:
    *channels, height, width = shape
    if picture.size != (width, height):
        raise DataError(
            f"Images are {width} wide and {height} high",
            received=f"{picture.size[0]} by {picture.size[1]}",
            remedy=f"Resize them: image.resize(({width}, {height})), or by the model's own "
            "`pictures`, where it has one, as CLIP does: model.pictures(images).",
        )
    if picture.mode not in _READABLE:
        raise DataError(
            f"Images have the mode {', '.join(_READABLE)}",
            received=picture.mode,
            remedy='Convert them: image.convert("RGB").',
        )
    pixels = np.asarray(picture.convert(_CHANNELS[channels[0] if channels else 1]), np.float64)
    return np.moveaxis(np.atleast_3d(pixels), -1, 0).reshape(shape)
