"""Samples as PIL images, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces import pixels
from zoo_core.interfaces.space import Space

_GREY = 127.5


def is_picture(space: Space) -> bool:
    """Say whether samples are pictures: grey `[h, w]`, `[1, h, w]` or colour `[3, h, w]`.

    They are where values have an agreed black and white: unit, binary and ordinal spaces.
    """
    still = space.rate is None and not space.ragged
    return still and pixels.is_picture(space.kind, space.shape)


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
    return pixels.samples(images, space.kind, space.shape, space.n_levels)


def _require_picture(space: Space) -> None:
    if not isinstance(space, Space):
        raise DataError(
            "The space comes first, what lies in it second",
            received=f"{type(space).__name__} first",
            remedy="Give model.space, and then the samples or images.",
        )
    if not is_picture(space):
        raise DataError(
            "Pictures are [h, w], [1, h, w] or [3, h, w] of unit, binary or ordinal values",
            received=f"{space.kind} values of shape {list(space.shape)}",
            remedy="Use rows: to_rows, or a .csv file.",
        )
