"""Folders of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Int
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.exchange import from_images, is_picture
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_data.hashing import files_sha256
from zoo_plugin_data.labels import codes_of
from zoo_plugin_data.matrix import as_samples
from zoo_plugin_data.opened import IN_MEMORY_BYTES, Opened

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
FOLDER = "folder"
"""The name of the condition that is the folder a picture lies in."""

_CAMERAS = ("JPEG", "MPO")
_ORIENTATION = 0x0112
"""EXIF's tag; from 5 on, width and height change places."""


def open_pictures(folder: Path, request: DataRequest) -> Opened:
    """Open a folder of pictures of one size, those in its sub-folders included.

    Grey ones are `[h, w]`, coloured ones `[3, h, w]`, of 256 levels unless a space is given. The
    condition "folder" is the sub-folder. Few are held in memory, many decoded when asked for.
    Raises DataError naming the first picture that can't be read or differs from the first.
    """
    if request.columns or request.weight or request.condition not in ((), (FOLDER,)):
        raise DataError(
            "A folder of pictures has the condition 'folder' and no columns",
            received=", ".join((*request.condition, *request.columns)) or request.weight,
        )
    paths = picture_files(folder)
    if not paths:
        raise DataError(f"{folder} holds pictures", received="none")
    space = _space(folder, paths, request)
    _check_heads(folder, paths, space)
    classes, condition = (), None
    if request.condition:
        told = codes_of([_sub_folder(folder, path) for path in paths])
        condition, classes = told.values, told.classes
    pictures: Batch | Rows = PictureRows(folder, paths, space, condition)
    if len(paths) * space.size * (8 if space.kind.discrete else 4) <= IN_MEMORY_BYTES:
        pictures = pictures.take(torch.arange(len(paths)))
    provenance = f"{folder.name}, {len(paths)} pictures"
    return Opened(pictures, space, files_sha256(folder, paths), provenance, classes)


def picture_files(folder: Path) -> list[Path]:
    """List the pictures in a folder and its sub-folders, sorted by their paths."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    seen = (path for path in found if not path.name.startswith(".") and path.is_file())
    return sorted(seen, key=lambda path: path.relative_to(folder).as_posix())


@final
class PictureRows(Rows):
    """Pictures that are decoded when they are asked for."""

    def __init__(
        self, folder: Path, paths: Sequence[Path], space: Space, condition: Tensor | None
    ) -> None:
        self._folder, self._paths = folder, paths
        self._space, self._condition = space, condition

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self._paths)

    def take(self, rows: Int[Tensor, " k"]) -> Batch:
        """Decode pictures. Raises DataError naming one that can't be read."""
        images = [_decoded(self._folder, self._paths[row]) for row in rows.tolist()]
        condition = None if self._condition is None else self._condition[rows]
        return Batch(pixels(self._space, images), condition)


def pixels(space: Space, images: Sequence[Image.Image]) -> Tensor:
    """Give pictures as samples of a space."""
    if space.kind is Kind.ORDINAL and space.levels == 256:
        # What from_images gives, without a detour over floating numbers.
        mode = "L" if len(space.shape) == 2 or space.shape[0] == 1 else "RGB"
        stacked = np.stack([np.asarray(image.convert(mode)) for image in images])
        moved = np.moveaxis(stacked, -1, 1) if mode == "RGB" else stacked
        return as_samples(np.ascontiguousarray(moved), space)
    return from_images(space, images)


def picture_space(image: Image.Image, name: str) -> Space:
    """Give the space of pictures like one. Raises DataError for transparency or other modes."""
    width, height = image.size
    spaces = {
        "1": Space.binary(height, width),
        "L": Space.ordinal(256, height, width),
        "P": Space.ordinal(256, 3, height, width),
        "RGB": Space.ordinal(256, 3, height, width),
    }
    if image.mode not in spaces:
        raise DataError(
            "Pictures are grey or coloured, with 8 bits and no transparency",
            received=f"mode {image.mode} in {name}",
            remedy='Convert them: image.convert("RGB").save(…).',
        )
    return spaces[image.mode]


def _space(folder: Path, paths: Sequence[Path], request: DataRequest) -> Space:
    first = _decoded(folder, paths[0])
    space = request.space or picture_space(first, _named(folder, paths[0]))
    if not is_picture(space) or space.shape[-2:] != first.size[::-1]:
        raise DataError(
            f"The pictures of {folder} lie in the space that was given: {space}",
            received=f"{first.size[0]} × {first.size[1]} pixels in {_named(folder, paths[0])}",
            remedy="Give a unit, binary or ordinal space of that height and width.",
        )
    return space


def _check_heads(folder: Path, paths: Sequence[Path], space: Space) -> None:
    """Look at the head of every picture: its size, and grey or colour."""
    first, colour = _named(folder, paths[0]), None
    for path in paths:
        image = _opened(folder, path)
        name = _named(folder, path)
        if _size(image)[::-1] != space.shape[-2:]:
            width, height = _size(image)
            raise DataError(
                f"All pictures have the size of the first, {first}: "
                f"{space.shape[-1]} × {space.shape[-2]} pixels",
                received=f"{width} × {height} in {name}",
                remedy="Crop or resize them beforehand: image.resize((width, height)).",
            )
        coloured = picture_space(image, name).shape != space.shape[-2:]
        if colour not in (None, coloured):
            raise DataError(
                f"All pictures are {'coloured' if colour else 'grey'} as the first is, {first}",
                received=f"mode {image.mode} in {name}",
                remedy='Convert them beforehand: image.convert("RGB") or image.convert("L").',
            )
        colour = coloured
        _verify(folder, path)


def _size(image: Image.Image) -> tuple[int, int]:
    """Give width and height as they are after the turn that a camera noted."""
    width, height = image.size
    turned = image.format in _CAMERAS and image.getexif().get(_ORIENTATION, 1) >= 5
    return (height, width) if turned else (width, height)


def _verify(folder: Path, path: Path) -> None:
    image = _opened(folder, path)
    try:
        image.verify()
    except Exception as error:  # noqa: BLE001  Pillow's decoders raise many types
        raise _unreadable(folder, path, error) from None


def _decoded(folder: Path, path: Path) -> Image.Image:
    image = _opened(folder, path)
    try:
        image.load()
        return ImageOps.exif_transpose(image) if image.format in _CAMERAS else image
    except Exception as error:  # noqa: BLE001  Pillow's decoders raise many types
        raise _unreadable(folder, path, error) from None


def _opened(folder: Path, path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise _unreadable(folder, path, error) from None


def _unreadable(folder: Path, path: Path, error: Exception) -> DataError:
    return DataError(
        "Every picture can be read",
        received=f"{_named(folder, path)}: {error}",
        remedy="Mend it or take it out of the folder.",
    )


def _named(folder: Path, path: Path) -> str:
    return path.relative_to(folder.parent).as_posix()


def _sub_folder(folder: Path, path: Path) -> str:
    parents = path.relative_to(folder).parent.as_posix()
    if parents == ".":
        raise DataError(
            f"Every picture lies in a sub-folder of {folder}, which is its class",
            received=path.name,
            remedy="Move it into one, or leave the condition out.",
        )
    return parents
