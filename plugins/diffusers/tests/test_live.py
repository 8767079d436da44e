"""Against the real Hub, where a person asks for it: ZOO_LIVE_HUB=1."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

import zoo_core as zoo
from zoo_core.interfaces.randomness import child_rng
from zoo_plugin_diffusers.unconditional import Unconditional

REPO = "google/ddpm-cifar10-32"
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        os.environ.get("ZOO_LIVE_HUB") != "1",
        reason="talks to the real Hub; set ZOO_LIVE_HUB=1 to run it",
    ),
    pytest.mark.filterwarnings("ignore::zoo_core.loading.locating.UnpinnedWarning"),
]


def test_ddpm_on_cifar_10_gives_the_pipelines_own_pictures(tmp_path: Path) -> None:
    model = zoo.load(f"hf://{REPO}")
    assert isinstance(model, Unconditional)
    assert model.space == zoo.Space.unit(3, 32, 32)
    own: Any = diffusers.DDPMPipeline.from_pretrained(REPO, use_safetensors=True)
    made = model.sample(2, rng=zoo.rng(0), steps=20)
    asked = {"num_inference_steps": 20, "output_type": "pt", "batch_size": 2}
    assert torch.equal(made, own(generator=child_rng(zoo.rng(0), "cpu"), **asked).images)
    zoo.save(model, tmp_path / "native", format="diffusers")
    again = zoo.load(str(tmp_path / "native"))
    assert torch.equal(made, again.sample(2, rng=zoo.rng(0), steps=20))
