"""Fine-tuning text to image: the loss by hand, and a network that learns and is written again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers as diffusers_module
import pytest
import torch

import zoo_core as zoo
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.randomness import child_rng
from zoo_plugin_diffusers.silence import silenced
from zoo_plugin_diffusers.text_to_image_bridge import bridged_text_to_image

diffusers: Any = diffusers_module
TEXTS = ["a cat", "dog", "bear"]


@pytest.mark.parametrize("target", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", ["stable_diffusion", "stable_diffusion_xl"])
def test_the_loss_is_that_of_the_librarys_own_pieces(
    pipelines: Callable[[str], Any], name: str, target: str
) -> None:
    pipeline = pipelines(name)
    ddpm = diffusers.DDPMScheduler.from_config(pipeline.scheduler.config, prediction_type=target)
    parts = {**pipeline.components, "scheduler": ddpm}
    model: Any = bridged_text_to_image(type(pipeline).__name__, parts)
    x = torch.rand(3, 3, 8, 8, generator=zoo.rng(1))
    rng, context = zoo.rng(2), model.conditioner.context(TEXTS)
    with torch.no_grad():
        z = pipeline.vae.encode(2 * x - 1).latent_dist.sample(generator=rng)
        z = z * pipeline.vae.config.scaling_factor
        times = torch.randint(1000, (3,), generator=rng)
        eps = torch.randn(z.shape, generator=rng)
        noised = ddpm.add_noise(z, eps, times)
        wanted = eps if target == "epsilon" else ddpm.get_velocity(z, eps, times)
        sizes = torch.tensor([[8.0, 8, 0, 0, 8, 8]] * 3)
        added = {"text_embeds": context.vector, "time_ids": sizes}
        seen = pipeline.unet(noised, times, context.sequence, added_cond_kwargs=added).sample
        loss = model.loss(Batch(x, context), rng=zoo.rng(2))
    torch.testing.assert_close(loss, (seen - wanted).square().mean((1, 2, 3)))


def test_the_network_alone_learns_and_diffusers_reads_it(
    saved: Callable[[str], Path], tmp_path: Path
) -> None:
    model: Any = zoo.load(str(saved("stable_diffusion")))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x = torch.rand(12, 3, 8, 8, generator=zoo.rng(1))
    batch = Batch(x, model.conditioner.prepare(TEXTS * 4))
    first = model.loss(batch, rng=zoo.rng(3)).mean()
    model.fit(x, condition=TEXTS * 4, steps=15, rng=zoo.rng(0))
    model.eval()
    assert model.loss(batch, rng=zoo.rng(3)).mean() < first
    moved = {
        key for key, tensor in model.state_dict().items() if not torch.equal(tensor, before[key])
    }
    assert moved and {key.split(".")[0] for key in moved} == {"unet"}
    zoo.save(model, tmp_path / "tuned", format="diffusers")
    with silenced():
        pipeline = diffusers.StableDiffusionPipeline.from_pretrained(tmp_path / "tuned")
    pipeline.set_progress_bar_config(disable=True)
    generator = child_rng(zoo.rng(0), "cpu")
    wanted = pipeline("a cat", num_inference_steps=2, generator=generator, output_type="pt").images
    assert torch.equal(model.sample(1, condition="a cat", rng=zoo.rng(0), steps=2), wanted)


@pytest.mark.parametrize("name", ["stable_diffusion_3", "flux"])
def test_what_is_not_trained_here_is_named(pipelines: Callable[[str], Any], name: str) -> None:
    pipeline = pipelines(name)
    model = bridged_text_to_image(type(pipeline).__name__, pipeline.components)
    x = torch.zeros(1, *model.space.shape)
    with pytest.raises(UnsupportedError, match=type(pipeline).__name__):
        model.loss(Batch(x, model._codes_of("a cat", 1)))
