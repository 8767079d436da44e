"""CLIP and SigLIP, against the library's own models, processors and logits, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConditionError, ConfigError, DataError
from zoo_core.interfaces.matcher import Matcher
from zoo_plugin_transformers.clip import Clip

Saved = Callable[[str], Path]
TEXTS = ["the quick brown dog", "a cat", "what the world has"]
FAMILIES = ["clip", "siglip"]


def _images(*sizes: tuple[int, int]) -> list[Image.Image]:
    draw = np.random.default_rng(0)
    sizes = sizes or ((40, 30), (23, 57), (16, 16))
    return [Image.fromarray(draw.integers(0, 256, (h, w, 3), np.uint8)) for w, h in sizes]


@pytest.fixture(params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(name: str, saved: Saved) -> Any:
    return zoo.load(str(saved(name)))


def _library(folder: Path) -> tuple[Any, Any, Any]:
    """Give the library's own model, tokenizer and image processor of a folder."""
    from transformers import (
        AutoModel,
        AutoTokenizer,
        CLIPImageProcessorPil,
        SiglipImageProcessorPil,
    )

    made = CLIPImageProcessorPil if folder.name.startswith("clip") else SiglipImageProcessorPil
    module = AutoModel.from_pretrained(folder)
    return module, AutoTokenizer.from_pretrained(folder), made.from_pretrained(folder)


def _logits(folder: Path, texts: list[str], images: list[Image.Image]) -> Tensor:
    """Give the library's logits `[pictures, texts]`."""
    module, tokenizer, processor = _library(folder)
    length = module.config.text_config.max_position_embeddings
    inputs = tokenizer(texts, padding="max_length", max_length=length, return_tensors="pt")
    if folder.name.startswith("siglip"):
        del inputs["attention_mask"]  # SigLIP's processor gives none
    pixels = processor(images, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        return module(**inputs, pixel_values=pixels).logits_per_image


def _figures(folder: Path, logits: Tensor) -> Tensor:
    sigmoid = folder.name.startswith("siglip")
    return torch.nn.functional.logsigmoid(logits) if sigmoid else logits


def test_each_picture_with_each_text_is_the_librarys_figure(
    model: Any, name: str, saved: Saved
) -> None:
    images, folder = _images(), saved(name)
    wanted = _figures(folder, _logits(folder, TEXTS, images))
    with torch.no_grad():
        assert torch.equal(model.match_each(model.pictures(images), TEXTS), wanted)


def test_a_match_of_one_text_or_of_pairs_is_the_librarys_figure(
    model: Any, name: str, saved: Saved
) -> None:
    images, folder = _images(), saved(name)
    x = model.pictures(images)
    with torch.no_grad():
        pairs, one = model.match(x, TEXTS), model.match(x, TEXTS[0])
    assert torch.equal(pairs, _figures(folder, _logits(folder, TEXTS, images)).diagonal())
    assert torch.equal(one, _figures(folder, _logits(folder, TEXTS[:1], images))[:, 0])


def test_pictures_are_prepared_as_the_processor_does_it(
    model: Any, name: str, saved: Saved
) -> None:
    images = _images((40, 30), (23, 57), (16, 16), (5, 9))
    processor = _library(saved(name))[2]
    wanted = processor(images, return_tensors="pt")["pixel_values"]
    x = model.pictures(images)
    assert x.shape == (4, 3, 16, 16)
    assert bool(((x >= 0) & (x <= 1)).all())
    assert torch.equal(model.image_encoder._processor.normalised(x), wanted)
    assert torch.equal(
        model.pictures(images[0].convert("L")), model.pictures([images[0].convert("L")])
    )


def test_images_of_the_networks_size_are_matched_as_they_are(model: Any) -> None:
    image = _images((16, 16))[0]
    assert torch.equal(model.match(image, TEXTS[0]), model.match(model.pictures(image), TEXTS[0]))
    with pytest.raises(DataError, match=r"resize\(\(16, 16\)\)"):
        model.match(_images((17, 16))[0], TEXTS[0])


def test_its_parts_are_conditioners_of_their_own(model: Any, name: str, saved: Saved) -> None:
    images, (module, tokenizer, processor) = _images(), _library(saved(name))
    pixels = processor(images, return_tensors="pt")["pixel_values"]
    length = module.config.text_config.max_position_embeddings
    inputs = tokenizer(TEXTS, padding="max_length", max_length=length, return_tensors="pt")
    with torch.no_grad():
        text = module.get_text_features(inputs["input_ids"]).pooler_output
        image = module.get_image_features(pixels)
        assert torch.equal(model.conditioner.context(TEXTS).vector, text)
        context = model.image_encoder.context(images)
    assert torch.equal(context.vector, image.pooler_output)
    assert torch.equal(context.sequence, image.last_hidden_state)
    assert isinstance(model, Matcher)


def test_gradients_lead_pictures_to_their_texts(model: Any) -> None:
    x = model.pictures(_images()).requires_grad_()
    before = model.match(x, TEXTS[0])
    (slope,) = torch.autograd.grad(before.sum(), x)
    step = 1e-3 * slope / slope.flatten(1).norm(dim=1)[:, None, None, None]
    with torch.no_grad():
        after = model.match((x + step).clamp(0, 1), TEXTS[0])
    assert bool((after > before).all())
    probe = torch.zeros_like(x)
    probe[0, 1, 3, 4] = 1
    double = model.double()
    with torch.no_grad():
        ends = [double.match(x.double() + e * probe, TEXTS[0])[0] for e in (1e-6, -1e-6)]
    (exact,) = torch.autograd.grad(double.match(x.double(), TEXTS[0])[0], x)
    assert float(exact[0, 1, 3, 4]) == pytest.approx(float(ends[0] - ends[1]) / 2e-6, rel=1e-3)


def test_the_whole_is_put_together_again_without_a_copy(name: str, saved: Saved) -> None:
    module, tokenizer, processor = _library(saved(name))
    model = Clip.around(module, tokenizer, processor)
    again = model.native_module()
    own = dict(module.named_parameters())
    assert list(dict(again.named_parameters())) == list(own)
    assert all(parameter is own[n] for n, parameter in again.named_parameters())
    assert len(list(model.parameters())) == len(own)
    pixels = torch.rand(2, 3, 16, 16, generator=zoo.rng(0))
    codes = torch.randint(3, 60, (2, 5), generator=zoo.rng(1))
    with torch.no_grad():
        figures = [one(input_ids=codes, pixel_values=pixels) for one in (module, again)]
    assert torch.equal(figures[0].logits_per_text, figures[1].logits_per_text)


def test_it_comes_back_from_its_configuration_and_tensors(model: Any, tmp_path: Path) -> None:
    zoo.save(model, tmp_path / "model")
    loaded: Any = zoo.load(str(tmp_path / "model"))
    x = model.pictures(_images())
    with torch.no_grad():
        assert torch.equal(loaded.match_each(x, TEXTS), model.match_each(x, TEXTS))


def test_the_condition_may_be_bound(model: Any) -> None:
    x = model.pictures(_images())
    bound = model.given(TEXTS[1])
    assert torch.equal(bound.match(x, None), model.match(x, TEXTS[1]))


def test_one_text_is_read_once_however_many_pictures(model: Any) -> None:
    seen = []
    hook = model.conditioner.network.register_forward_hook(
        lambda module, inputs, outputs: seen.append(len(outputs.last_hidden_state))
    )
    model.match(model.pictures(_images()), TEXTS[0])
    hook.remove()
    assert seen == [1]


def test_wrong_texts_pictures_and_modules_are_refused(model: Any) -> None:
    x = model.pictures(_images())
    with pytest.raises(ConditionError, match="at most"):
        model.match(x, "how likely they are " * 30)
    with pytest.raises(ConditionError, match="2 conditions for 3"):
        model.match(x, TEXTS[:2])
    with pytest.raises(DataError, match="between 0 and 1"):
        model.match(2 + x, TEXTS[0])
    with pytest.raises(ConfigError, match="CLIPModel, SiglipModel"):
        Clip.around(model.conditioner.network)


def test_parts_that_do_not_go_together_are_refused(model: Any) -> None:
    fields = model.config.to_json()
    other = fields["image_encoder"]["config"]
    other["network"] |= {"image_size": 32}
    with pytest.raises(ConfigError, match="one reads pictures"):
        Clip.create(**fields)
