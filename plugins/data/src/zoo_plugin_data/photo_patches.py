"""Patches of the two photographs that ship with scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import torch
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.space import Space
from zoo_plugin_data.content import content_hash

SIDE, STRIDE = 16, 8
COLUMNS: Mapping[Split, slice] = {
    Split.TRAIN: slice(0, 448),
    Split.VALID: slice(448, 512),
    Split.TEST: slice(512, 640),
}
"""The columns of each photograph that a split's patches lie in: no pixel is in two splits."""
CLASSES = ("china", "flower")
_PROVENANCE = (
    "Patches of 16 × 16 pixels, 8 pixels apart, of two photographs of 427 × 640 pixels that ship "
    "with scikit-learn: china.jpg (danielbuechele) and flower.jpg (vultilion), both from Flickr."
)


def load_photo_patches(split: Split) -> Dataset:
    """Load patches: x [n, 3, 16, 16] codes 0 … 255; labels say of which photograph.

    The photographs are JPEG files, so another decoder may give other codes: `sha256` is that of
    the codes as they were decoded here.
    """
    patches, sha256 = _patches()
    parts = [patches[split]] if split is not Split.ALL else [patches[part] for part in COLUMNS]
    x, labels = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    return Dataset(
        name="photo-patches",
        split=split,
        data=Batch(x.long(), labels),
        space=Space.ordinal(256, 3, SIDE, SIDE),
        classes=CLASSES,
        provenance=_PROVENANCE,
        license="CC-BY-2.0",
        sha256=sha256,
    )


@cache
def _patches() -> tuple[Mapping[Split, tuple[Tensor, Tensor]], str]:
    """Cut the patches of every split, with the photographs' numbers; give their hash too."""
    from sklearn.datasets import load_sample_image

    names = [f"{name}.jpg" for name in CLASSES]
    photographs = [torch.from_numpy(np.array(load_sample_image(name))) for name in names]
    parts = {split: _cut(photographs, columns) for split, columns in COLUMNS.items()}
    return parts, content_hash(*(tensor for part in parts.values() for tensor in part))


def _cut(photographs: list[Tensor], columns: slice) -> tuple[Tensor, Tensor]:
    cut = [_tiles(photograph[:, columns]) for photograph in photographs]
    labels = [torch.full((len(tiles),), number) for number, tiles in enumerate(cut)]
    return torch.cat(cut), torch.cat(labels)


def _tiles(pixels: Tensor) -> Tensor:
    """Cut [height, width, 3] into [n, 3, 16, 16]."""
    tiles = pixels.unfold(0, SIDE, STRIDE).unfold(1, SIDE, STRIDE)
    return tiles.flatten(0, 1).contiguous()
