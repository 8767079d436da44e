"""Every promise of kinds of pipelines that no registry entry has: each like none of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import zoo_core as zoo
from models import native_pipelines
from zoo_core.conformance import Status, check_model
from zoo_core.interfaces.model import Model
from zoo_plugin_diffusers.served import UnconditionalPipeline
from zoo_plugin_diffusers.text_to_image import TextToImage
from zoo_plugin_diffusers.text_to_image_bridge import bridged_text_to_image
from zoo_plugin_diffusers.unconditional import Unconditional

UNCONDITIONAL = {"v": ("PNDMPipeline", "DDPMScheduler", {"prediction_type": "v_prediction"})}
"""A loop that begins in single precision always, of a network that predicts other than noise."""


def _require_promises(model: Model) -> None:
    broken = [str(one) for one in check_model(model, rng=zoo.rng(0)) if one.status is Status.FAILED]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("kind", UNCONDITIONAL)
def test_unconditional_pipelines(kind: str) -> None:
    pipeline, scheduler, fields = UNCONDITIONAL[kind]
    made = native_pipelines.unconditional(pipeline, scheduler, num_train_timesteps=6, **fields)
    unet = native_pipelines.unet(
        sample_size=4,
        block_out_channels=(8,),
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
    )
    served = UnconditionalPipeline(pipeline)
    _require_promises(Unconditional.of(served, unet=unet, scheduler=made.scheduler).eval())


@pytest.mark.parametrize("name", ["stable_diffusion_xl"])
def test_pictures_of_texts(pipelines: Callable[[str], Any], name: str) -> None:
    pipeline = pipelines(name)
    made = bridged_text_to_image(type(pipeline).__name__, pipeline.components, pipeline.config)
    # Guidance of scale 1 changes what is sampled where the default is another scale.
    config = made.config.model_copy(update={"steps": 1, "guidance_scale": 1.0})
    _require_promises(TextToImage(config, parts=dict(made.named_children())))
