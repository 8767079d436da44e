"""Tiny pipelines with random weights, put together of diffusers' own classes."""

from __future__ import annotations

from typing import Any

import torch

from zoo_core.interfaces.randomness import seeded_initialisers

SIZE = 8


def unet(**fields: Any) -> Any:
    """Make a U-Net for pictures `[3, 8, 8]`; fields are those of its configuration."""
    from diffusers.models.unets.unet_2d import UNet2DModel

    blocks: dict[str, Any] = {
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    }
    sizes: dict[str, Any] = {"sample_size": SIZE, "block_out_channels": (8, 16)}
    more: dict[str, Any] = {"layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 8}
    with seeded_initialisers(1):
        return lively(UNet2DModel(**{**sizes, **blocks, **more, **fields}))


def unconditional(pipeline: str, scheduler: str, **fields: Any) -> Any:
    """Make a pipeline of a U-Net and a scheduler by the names of their classes."""
    import diffusers

    made = getattr(diffusers, scheduler)(**fields)
    return getattr(diffusers, pipeline)(unet=unet(), scheduler=made)


def ddpm() -> Any:
    """Make a DDPM."""
    return unconditional("DDPMPipeline", "DDPMScheduler")


def ddim() -> Any:
    """Make a DDIM of a scheduler that is DDPM's, as pipelines on the Hub have."""
    return unconditional("DDIMPipeline", "DDPMScheduler", timestep_spacing="trailing")


def autoencoder() -> Any:
    """Make an AutoencoderKL for pictures `[3, 8, 8]`, with hidden variables `[2, 4, 4]`."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with seeded_initialisers(2):
        network = AutoencoderKL(
            block_out_channels=(4, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,  # pyright: ignore[reportArgumentType]
            up_block_types=("UpDecoderBlock2D",) * 2,  # pyright: ignore[reportArgumentType]
            latent_channels=2,
            norm_num_groups=2,
            sample_size=SIZE,
        )
        return lively(network)


def lively(module: Any) -> Any:
    """Make weights larger than initialisers do, so that outputs differ by what goes in."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return module.eval()
