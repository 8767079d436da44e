"""Many pictures in one: grids with light gaps, and panels under headings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from zoo_core.errors import DataError

PAPER = (250, 250, 248)
INK = (55, 55, 60)
_TILE = 48
"""Small pictures are enlarged by whole factors until their shorter side is at least this."""
_WIDEST = 1600
_GAP = 4


def grid(
    images: Sequence[Image.Image], *, columns: int | None = None, scale: int | None = None
) -> Image.Image:
    """Lay pictures of one size out row by row on light paper, as square as it gets.

    Small ones are enlarged by a whole factor, `scale`, with hard pixel edges. Raises DataError
    for no pictures, or pictures of several sizes.
    """
    if not images or len({image.size for image in images}) != 1:
        raise DataError(
            "A grid is made of at least one picture, all of one size",
            received=f"sizes {sorted({image.size for image in images})[:4]}",
        )
    width, height = images[0].size
    across = columns or math.ceil(math.sqrt(len(images)))
    factor = scale or _factor(width, height, across)
    width, height = width * factor, height * factor
    down = math.ceil(len(images) / across)
    size = (across * (width + _GAP) + _GAP, down * (height + _GAP) + _GAP)
    page = Image.new("RGB", size, PAPER)
    for i, image in enumerate(images):
        place = (_GAP + i % across * (width + _GAP), _GAP + i // across * (height + _GAP))
        page.paste(image.convert("RGB").resize((width, height), Image.Resampling.NEAREST), place)
    return page


def panels(pictures: Mapping[str, Image.Image]) -> Image.Image:
    """Put pictures side by side, each under its heading. Raises DataError for none."""
    if not pictures:
        raise DataError("At least one panel is needed", received="none")
    font, margin, head = font_of(22), 24, 44
    widths = [picture.width for picture in pictures.values()]
    height = max(picture.height for picture in pictures.values())
    size = (sum(widths) + margin * (len(widths) + 1), height + head + margin)
    page = Image.new("RGB", size, PAPER)
    pen, left = ImageDraw.Draw(page), margin
    for heading, picture in pictures.items():
        pen.text((left + 4, head / 2 + 2), heading, fill=INK, font=font, anchor="lm")
        page.paste(picture, (left, head))
        left += picture.width + margin
    return page


def font_of(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Give Pillow's own font."""
    return ImageFont.load_default(size)


def _factor(width: int, height: int, across: int) -> int:
    wanted = math.ceil(_TILE / min(width, height))
    possible = (_WIDEST // across - _GAP) // width
    return max(1, min(wanted, possible))
