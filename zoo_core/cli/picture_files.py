"""Picture files that people name: to start from, or as what is known of samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo_core.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from zoo_core.config import Config
    from zoo_core.interfaces.space import Space

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_HALF = 128
"""From here on a mask's grey counts as white, and a pixel as opaque."""


def open_picture(file: str) -> Image:
    """Read a picture file. Raises ClickException where it can't be read, DataError for another."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as picture:
            picture.load()
            return picture
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} is a picture file", received=str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{file} can't be read: {error.strerror or error}.") from error


def with_pictures(options: Mapping[str, Any], declared: type[Config]) -> dict[str, Any]:
    """Open the file that is named where a model's option is an object and no JSON: a picture."""
    return {
        name: open_picture(value) if declared.is_live(name) and isinstance(value, str) else value
        for name, value in options.items()
    }


def known_picture(file: str, mask: str | None, gaps: Space) -> Tensor:
    """Give what is known of one sample `[1, *shape]`, the rest missing.

    A mask is white where samples are drawn, as diffusers' are; without one that is where the
    picture is transparent. Raises BadParameter where nothing says so.
    """
    from zoo_core.interfaces.call import hidden

    picture = open_picture(file)
    unknown = _transparent(file, picture) if mask is None else _white(mask, picture)
    colours = picture.convert("RGB") if picture.has_transparency_data else picture
    values = gaps.tensor(colours)
    return hidden(values, unknown.expand(values.shape))


def is_picture_file(file: str) -> bool:
    """Say whether a file's end is that of a picture."""
    return Path(file).suffix.lower() in SUFFIXES


def _transparent(file: str, picture: Image) -> Tensor:
    if not picture.has_transparency_data:
        raise click.BadParameter(
            f"{file} doesn't say which of its pixels are to be drawn; give --mask FILE, white "
            "there, or make them transparent.",
            param_hint="--observed-file",
        )
    return ~_bright(picture.convert("RGBA").getchannel("A"))


def _white(mask: str, picture: Image) -> Tensor:
    drawn = open_picture(mask)
    if drawn.size != picture.size:
        raise click.BadParameter(
            f"{mask} is {drawn.size[0]} by {drawn.size[1]}, the picture {picture.size[0]} by "
            f"{picture.size[1]}; give one of its size.",
            param_hint="--mask",
        )
    return _bright(drawn.convert("L"))


def _bright(grey: Image) -> Tensor:
    import numpy as np
    import torch

    return torch.from_numpy(np.asarray(grey) >= _HALF)
