"""Text to image, held against the pipelines themselves, to the bit."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers as diffusers_module
import pytest
import torch
from PIL import Image
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConfigError, OptionError, UnsupportedError
from zoo_core.interfaces.randomness import child_rng
from zoo_plugin_diffusers.silence import silenced
from zoo_plugin_diffusers.text_to_image import TextToImage
from zoo_plugin_diffusers.text_to_image_bridge import (
    bridged_text_to_image,
    native_text_to_image,
)

diffusers: Any = diffusers_module
Pipelines = Callable[[str], Any]

FAMILIES = ["stable_diffusion", "stable_diffusion_xl", "stable_diffusion_3", "flux"]
INPAINTING = {
    "stable_diffusion": "StableDiffusionInpaintPipeline",
    "stable_diffusion_xl": "StableDiffusionXLInpaintPipeline",
    "stable_diffusion_3": "StableDiffusion3InpaintPipeline",
    "flux": "FluxInpaintPipeline",
}
SIZE = {"height": 8, "width": 8}
STEPS = 3


def _model(pipelines: Pipelines, name: str, **fields: Any) -> TextToImage:
    """Put a pipeline's very modules behind the zoo's interfaces."""
    pipeline = pipelines(name)
    made = bridged_text_to_image(type(pipeline).__name__, pipeline.components, pipeline.config)
    fields = {**(SIZE if name == "flux" else {}), **fields}
    return TextToImage(made.config.model_copy(update=fields), parts=dict(made.named_children()))


def _asked(pipeline: Any, text: Any = "a cat", **arguments: Any) -> Tensor:
    """Ask a pipeline with the generator of the first chunk."""
    fixed = {"num_inference_steps": STEPS, "output_type": "pt", **SIZE}
    generator = child_rng(zoo.rng(0), "cpu")
    taken = inspect.signature(type(pipeline).__call__).parameters
    arguments = {key: value for key, value in {**fixed, **arguments}.items() if key in taken}
    return pipeline(text, generator=generator, **arguments).images


def _sample(model: TextToImage, n: int = 3, text: Any = "a cat", **options: Any) -> Tensor:
    made = model.sample(n, condition=text, rng=zoo.rng(0), steps=STEPS, **options)
    assert isinstance(made, Tensor)
    return made


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_are_the_pipelines(pipelines: Pipelines, name: str) -> None:
    seen = _sample(_model(pipelines, name))
    assert torch.equal(seen, _asked(pipelines(name), num_images_per_prompt=3))
    assert seen.shape == (3, 3, 8, 8)
    assert 0 <= seen.min() < seen.max() <= 1


@pytest.mark.parametrize("name", FAMILIES)
def test_guidance_is_the_pipelines(pipelines: Pipelines, name: str) -> None:
    model, pipeline = _model(pipelines, name), pipelines(name)
    scale = {"true_cfg_scale" if name == "flux" else "guidance_scale": 3.3}
    wanted = _asked(pipeline, num_images_per_prompt=3, negative_prompt="dog", **scale)
    guidance = [zoo.ClassifierFree(3.3, negative="dog")]
    assert torch.equal(_sample(model, guidance=guidance), wanted)
    unguided = _asked(pipeline, num_images_per_prompt=3, **dict.fromkeys(scale, 1.0))
    assert torch.equal(_sample(model, guidance=[zoo.ClassifierFree(1.0)]), unguided)
    if name != "flux":
        assert torch.equal(_sample(model, guidance_scale=3.3, negative="dog"), wanted)


@pytest.mark.parametrize("scale", [9.0, 0.5, 0.0])
def test_the_scale_that_flux_is_told_is_another(pipelines: Pipelines, scale: float) -> None:
    wanted = _asked(pipelines("flux"), num_images_per_prompt=3, guidance_scale=scale)
    assert torch.equal(_sample(_model(pipelines, "flux"), guidance_scale=scale), wanted)


@pytest.mark.parametrize("name", FAMILIES)
def test_each_picture_has_its_text(pipelines: Pipelines, name: str) -> None:
    texts = ["a cat", "a dog", ""]
    wanted = _asked(pipelines(name), texts, guidance_scale=1.0)
    seen = _sample(_model(pipelines, name), text=texts, guidance_scale=1.0)
    assert torch.equal(seen, wanted)


@pytest.mark.parametrize("name", ["stable_diffusion", "flux"])
def test_each_picture_has_its_scale(pipelines: Pipelines, name: str) -> None:
    model = _model(pipelines, name)
    mixed = _sample(model, guidance=[zoo.ClassifierFree([1.0, 4.0, 1.0])])
    for scale, rows in ((1.0, [0, 2]), (4.0, [1])):
        alone = _sample(model, guidance=[zoo.ClassifierFree(scale)])
        assert torch.equal(mixed[rows], alone[rows])


def test_defaults_are_the_configurations_else_the_pipelines(pipelines: Pipelines) -> None:
    pipeline = pipelines("stable_diffusion")
    model = _model(pipelines, "stable_diffusion", steps=2, guidance_scale=2.0)
    wanted = _asked(pipeline, num_inference_steps=2, guidance_scale=2.0)
    assert torch.equal(model.sample(1, condition="a cat", rng=zoo.rng(0)), wanted)
    plain = _model(pipelines, "stable_diffusion").sample(1, condition="a cat", rng=zoo.rng(0))
    assert torch.equal(plain, _asked(pipeline, num_inference_steps=50))


def test_schedulers_that_draw_use_the_generator(pipelines: Pipelines) -> None:
    parts = pipelines("stable_diffusion").components
    scheduler = diffusers.EulerAncestralDiscreteScheduler(steps_offset=1)
    pipeline = diffusers.StableDiffusionPipeline(
        **{**parts, "scheduler": scheduler}, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    model = bridged_text_to_image("StableDiffusionPipeline", pipeline.components)
    assert torch.equal(_sample(model), _asked(pipeline, num_images_per_prompt=3))


def test_a_chunk_is_drawn_few_at_a_time(pipelines: Pipelines) -> None:
    generator = child_rng(zoo.rng(0), "cpu")
    pipeline = pipelines("stable_diffusion")
    calls = [
        pipeline(
            "a cat",
            num_images_per_prompt=n,
            num_inference_steps=STEPS,
            generator=generator,
            output_type="pt",
        ).images
        for n in (2, 1)
    ]
    seen = _sample(_model(pipelines, "stable_diffusion"), at_once=2)
    assert torch.equal(seen, torch.cat(calls))


def _known() -> tuple[Tensor, Tensor]:
    """Make a picture and a mask of its left half."""
    picture = torch.rand(3, 8, 8, generator=zoo.rng(1))
    mask = torch.zeros(3, 8, 8, dtype=torch.bool)
    mask[:, :, :4] = True
    return picture, mask


@pytest.mark.parametrize("name", FAMILIES)
def test_inpainting_is_the_pipelines_but_for_what_is_known(pipelines: Pipelines, name: str) -> None:
    picture, mask = _known()
    pipeline = diffusers.AutoPipelineForInpainting.from_pipe(pipelines(name))
    assert type(pipeline).__name__ == INPAINTING[name]
    pipeline.set_progress_bar_config(disable=True)
    model = _model(pipelines, name)
    told = torch.where(mask, picture, 0.5).expand(3, -1, -1, -1)
    masks = (~mask[:1]).float().expand(3, -1, -1, -1)
    usual = {"guidance_scale": model._unasked("guidance_scale", None), "strength": 1.0}
    wanted = _asked(pipeline, num_images_per_prompt=3, image=told, mask_image=masks, **usual)
    picture[~mask] = torch.nan
    seen = _sample(model, observed=zoo.Observed(picture, mask))
    assert torch.equal(seen[:, ~mask], wanted[:, ~mask])
    assert torch.equal(seen[:, mask], picture[mask].expand(3, -1))


def test_what_is_not_known_changes_nothing(pipelines: Pipelines) -> None:
    picture, mask = _known()
    model = _model(pipelines, "stable_diffusion")
    seen = [
        _sample(model, observed=zoo.Observed(torch.where(mask, picture, other), mask))
        for other in (0.0, 1.0)
    ]
    assert torch.equal(*seen)


def test_a_pixel_is_known_where_all_its_colours_are(pipelines: Pipelines) -> None:
    picture, mask = _known()
    one = mask.clone()
    one[1:] = False
    model = _model(pipelines, "stable_diffusion")
    seen = _sample(model, observed=zoo.Observed(picture, one))
    blank = _sample(model, observed=zoo.Observed(picture, torch.zeros_like(mask)))
    assert torch.equal(seen[:, one], picture[one].expand(3, -1))
    assert torch.equal(seen[:, ~one], blank[:, ~one])


@pytest.mark.parametrize("name", FAMILIES)
def test_image_to_image_is_the_pipelines(pipelines: Pipelines, name: str) -> None:
    picture, _ = _known()
    pipeline = diffusers.AutoPipelineForImage2Image.from_pipe(pipelines(name))
    pipeline.set_progress_bar_config(disable=True)
    model = _model(pipelines, name)
    usual = {"guidance_scale": model._unasked("guidance_scale", None), "strength": 0.7}
    images = picture.expand(3, -1, -1, -1)
    wanted = _asked(pipeline, num_images_per_prompt=3, image=images, **usual)
    assert torch.equal(_sample(model, image=picture, strength=0.7), wanted)


def test_a_pil_image_is_its_pixels(pipelines: Pipelines) -> None:
    image = Image.new("RGB", (8, 8), (200, 10, 60))
    model = _model(pipelines, "stable_diffusion")
    picture = model.space.tensor(image)[0]
    assert torch.equal(_sample(model, image=image), _sample(model, image=picture))
    assert not torch.equal(_sample(model, image=image), _sample(model))


def test_what_cannot_be_asked_is_refused(pipelines: Pipelines) -> None:
    model = _model(pipelines, "stable_diffusion")
    led = [zoo.ClassifierFree(3.0)]
    for options in (
        {"guidance": led, "guidance_scale": 3.0},
        {"guidance": led, "negative": "dog"},
        {"strength": 0.5},
        {"image": torch.zeros(3, 4, 4)},
        {"image": torch.full((3, 8, 8), 2.0)},
        {"image": torch.zeros(2, 3, 8, 8)},
        {"strength": 1.5, "image": torch.zeros(3, 8, 8)},
        {"height": 16},
    ):
        with pytest.raises(OptionError):
            _sample(model, **options)
    for scale in (0.0, 0.5):
        with pytest.raises(OptionError, match="scales from 1, which is unguided"):
            _sample(model, guidance_scale=scale)
    for file in ("cat.png", Path("cat.png")):
        with pytest.raises(OptionError, match=r"PIL\.Image\.open"):
            _sample(model, image=file)
    for guidance in ([zoo.ClassifierFree(0.5)], [*led, *led]):
        with pytest.raises(UnsupportedError):
            _sample(model, guidance=guidance)


def test_pipelines_and_components_that_are_not_served_are_named(pipelines: Pipelines) -> None:
    with pytest.raises(UnsupportedError, match="SanaPipeline"):
        bridged_text_to_image("SanaPipeline", {})
    config = _model(pipelines, "stable_diffusion").config.to_json()
    del config["components"]["scheduler"]
    with pytest.raises(ConfigError, match="components are scheduler, unet, vae"):
        zoo.create("diffusers/text-to-image", **config)


def test_what_an_incomplete_pipeline_lacks_is_named(pipelines: Pipelines) -> None:
    parts = pipelines("stable_diffusion").components
    with pytest.raises(UnsupportedError, match="no vae"):
        bridged_text_to_image("StableDiffusionPipeline", {**parts, "vae": None})
    endless = copy.deepcopy(parts["tokenizer"])
    endless.model_max_length = int(1e30)
    with pytest.raises(UnsupportedError, match="how long its prompts are"):
        bridged_text_to_image("StableDiffusionPipeline", {**parts, "tokenizer": endless})


@pytest.mark.parametrize("zeros", [True, False])
def test_what_null_is_is_written_too(pipelines: Pipelines, zeros: bool) -> None:
    pipeline = pipelines("stable_diffusion_xl")
    settings = {"force_zeros_for_empty_prompt": zeros}
    model = bridged_text_to_image("StableDiffusionXLPipeline", pipeline.components, settings)
    native = native_text_to_image(model)
    native.set_progress_bar_config(disable=True)
    assert native.config.force_zeros_for_empty_prompt is zeros
    assert torch.equal(_sample(model), _asked(native, num_images_per_prompt=3))


def test_half_precision_is_the_librarys_own(pipelines: Pipelines, saved: Any) -> None:
    del pipelines
    folder = saved("stable_diffusion")
    with silenced():
        pipeline = diffusers.StableDiffusionPipeline.from_pretrained(
            folder, torch_dtype=torch.bfloat16
        )
    pipeline.set_progress_bar_config(disable=True)
    model: Any = zoo.load(str(folder), dtype=torch.bfloat16)
    wanted = _asked(pipeline, num_images_per_prompt=3, guidance_scale=7.3)
    seen = _sample(model, guidance=[zoo.ClassifierFree(7.3)])
    assert seen.dtype is torch.bfloat16
    assert torch.equal(seen, wanted.to(torch.bfloat16))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_folder_is_opened_and_written_natively(saved: Any, tmp_path: Path, name: str) -> None:
    model: Any = zoo.load(str(saved(name)))
    if name == "flux":  # its pictures are 128 latents high and wide unasked
        fields = {**model.config.to_json(), **SIZE}
        config = model.config.parse(fields)
        model = TextToImage(config, parts=dict(model.named_children())).eval()
    zoo.save(model, tmp_path / "native", format="diffusers")
    zoo.save(model, tmp_path / "ours")
    with silenced():
        pipeline = diffusers.DiffusionPipeline.from_pretrained(tmp_path / "native")
    pipeline.set_progress_bar_config(disable=True)
    wanted = _asked(pipeline, num_images_per_prompt=3)
    assert torch.equal(_sample(model), wanted)
    assert torch.equal(_sample(zoo.load(str(tmp_path / "ours"))), wanted)  # pyright: ignore[reportArgumentType]


def test_a_repository_of_the_hub_is_opened(serve: Callable[[str], str], saved: Any) -> None:
    with silenced():
        pipeline = diffusers.DiffusionPipeline.from_pretrained(saved("stable_diffusion"))
    pipeline.set_progress_bar_config(disable=True)
    model: Any = zoo.load(serve("stable_diffusion"))
    assert torch.equal(_sample(model), _asked(pipeline, num_images_per_prompt=3))
