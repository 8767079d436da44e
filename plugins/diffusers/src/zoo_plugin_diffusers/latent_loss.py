"""Latent losses: what the network of a text-to-image pipeline is fine-tuned by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction
from zoo_plugin_diffusers.component import build_component
from zoo_plugin_diffusers.pipeline_family import FAMILIES
from zoo_plugin_diffusers.schedule import Schedule, Target
from zoo_plugin_diffusers.served import TextToImagePipeline

if TYPE_CHECKING:
    from zoo_plugin_diffusers.text_to_image import TextToImage


@final
@dataclass(frozen=True)
class LatentLoss:
    """The error of the predicted noise of noised latents, at a random time a row.

    Ho et al. 2020, arXiv:2006.11239, eq. 14, of the latents of an autoencoder times its scaling
    factor: Rombach et al. 2022, arXiv:2112.10752, eq. 2. A network that predicts v is asked for v
    (Salimans & Ho 2022, arXiv:2202.00512, section 4).
    """

    unet: Any
    vae: Any
    schedule: Schedule
    micro_conditions: bool

    @classmethod
    def of(cls, model: TextToImage) -> Self:
        """Take the networks of a model. Raises UnsupportedError for one that isn't trained so."""
        family = FAMILIES[model.config.pipeline]
        native = model.config.components
        schedule = (
            Schedule.of(_training_scheduler(native["scheduler"]))
            if family.network == "unet"
            else None
        )
        unet = native[family.network]
        plain = unet.get("time_cond_proj_dim") is None and unet.get("in_channels") == unet.get(
            "out_channels"
        )
        if schedule is None or schedule.target is Target.SAMPLE or not plain:
            raise UnsupportedError(
                "Stable Diffusion 1, 2 and XL are fine-tuned here",
                received=f"{model.config.pipeline} with {native['scheduler'].get('_class_name')}",
                remedy="Fine-tune it by diffusers' own scripts.",
            )
        xl = model.config.pipeline is TextToImagePipeline.STABLE_DIFFUSION_XL
        modules = model.get_submodule("unet"), model.get_submodule("vae")
        return cls(*modules, schedule, micro_conditions=xl)

    def rows(
        self, x: Float[Tensor, "n 3 h w"], told: Context, rng: torch.Generator
    ) -> Float[Tensor, " n"]:
        """Give the mean squared error of each row's latents."""
        z = self._latents(x, rng)
        times = torch.randint(len(self.schedule.signal), (len(z),), generator=rng, device=z.device)
        eps = torch.randn(z.shape, generator=rng, device=z.device, dtype=z.dtype)
        level = Noise(*self.schedule.at(times))
        wanted = self.schedule.output(Prediction(z, eps), level)
        added = self._added(told, x.shape[-2], x.shape[-1])
        seen = self.unet(level.add(z, eps), times, told.sequence, added_cond_kwargs=added).sample
        return (seen - wanted).square().flatten(1).mean(1)

    @torch.no_grad()
    def _latents(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Draw latents of pictures between 0 and 1, in the network's own units."""
        drawn = self.vae.encode(2 * x - 1).latent_dist.sample(generator=rng)
        return drawn * self.vae.config.scaling_factor

    def _added(self, told: Context, height: int, width: int) -> dict[str, Tensor]:
        """Give what XL's network is told beside the text: the pooled vector, and sizes.

        Podell et al. 2023, arXiv:2307.01952, section 2.2: a picture as large as it was, uncropped.
        """
        if not self.micro_conditions or told.vector is None:
            return {}
        sizes = told.vector.new_tensor([height, width, 0, 0, height, width])
        return {"text_embeds": told.vector, "time_ids": sizes.expand(len(told), -1)}


def _training_scheduler(native: Any) -> Any:
    """Give the DDPM of the same betas, whatever scheduler pictures are drawn by."""
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    return DDPMScheduler.from_config(build_component(native).config)
