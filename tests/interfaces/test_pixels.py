"""Pictures as people hold them, where the public methods of models take data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import zoo_core as zoo
from tests.models.picture import Picture
from zoo_core.errors import DataError
from zoo_core.interfaces.requests import checked_batches


def _image(width: int = 4, height: int = 3, mode: str = "L") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def test_one_image_is_a_batch_of_one_and_a_list_is_a_batch() -> None:
    space, image = zoo.Space.unit(3, 3, 4), _image(mode="RGB")
    wanted = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1) / 255
    assert torch.equal(space.tensor(image), wanted[None])
    assert torch.equal(space.tensor([image, image]), torch.stack([wanted, wanted]))


def test_levels_are_the_pixels_and_grey_is_made_of_colour() -> None:
    space, image = zoo.Space.ordinal(256, 3, 4), _image(mode="RGB")
    grey = torch.from_numpy(np.asarray(image.convert("L")).copy()).to(torch.int64)
    assert torch.equal(space.tensor(image), grey[None])
    few = zoo.Space.ordinal(5, 1, 3, 4).tensor(image)
    assert torch.equal(few[0], (grey / 255 * 4).round().to(torch.int64)[None])
    assert torch.equal(zoo.Space.binary(3, 4).tensor(image)[0], (grey >= 128).to(torch.int64))


def test_models_take_images() -> None:
    images, model = [_image(), _image().rotate(180)], Picture.create()
    x = model.space.tensor(images)
    assert torch.equal(model.log_prob(images), model.log_prob(x))
    batch = checked_batches(model, images, None, None)
    assert isinstance(batch, zoo.Batch)
    assert isinstance(batch.x, torch.Tensor)
    assert torch.equal(batch.x, x)
    known = zoo.Observed(images[0]).checked(model.space, 2, model.device)
    assert torch.equal(known.values, x[:1].expand(2, -1, -1))


def test_another_size_is_refused_with_the_way_to_resize() -> None:
    with pytest.raises(DataError, match=r"image\.resize\(\(4, 3\)\)"):
        Picture.create().log_prob(_image(width=5))


def test_images_are_for_spaces_of_pictures() -> None:
    with pytest.raises(DataError, match="unit, binary or ordinal"):
        zoo.Space.real(3, 4).tensor(_image())
    with pytest.raises(DataError, match="RGBA"):
        zoo.Space.unit(3, 3, 4).tensor(_image(mode="RGBA"))
