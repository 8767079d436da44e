"""diffusers/autoencoder-kl: the autoencoder that pipelines of latent diffusion work behind."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor, nn

from zoo_core.config import Config, FrozenDict
from zoo_core.errors import ConfigError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.latent import Latent, Posterior
from zoo_core.interfaces.space import Space
from zoo_plugin_diffusers.component import described, module

_NETWORK = "AutoencoderKL"


@final
class AutoencoderConfig(Config):
    """The native configuration: an AutoencoderKL's config.json, with `_class_name`.

    size: height and width of the pictures, where another than the configuration's `sample_size`;
    the network is convolutional.
    """

    network: FrozenDict
    size: tuple[int, int] | None = None


@final
class DiagonalNormal(Posterior):
    """Normal hidden variables, each by itself, `[n, c, h, w]`."""

    def __init__(self, mean: Tensor, log_variance: Tensor) -> None:
        self._mean = mean
        self._log_variance = log_variance

    @property
    def mean(self) -> Tensor:
        """The mean, which is the mode too."""
        return self._mean

    def log_prob(self, h: Tensor) -> Tensor:
        """Give the log-density in nats, summed over the entries of h."""
        white = (h - self._mean).square() * (-self._log_variance).exp()
        return -0.5 * (white + self._log_variance + math.log(2 * math.pi)).flatten(1).sum(1)

    def rsample(self, rng: torch.Generator) -> Tensor:
        """Draw mean + standard deviation · noise, as diffusers' own does with this generator."""
        mean = self._mean
        noise = torch.randn(mean.shape, generator=rng, device=mean.device, dtype=mean.dtype)
        return mean + (0.5 * self._log_variance).exp() * noise


@final
class AutoencoderKL(Latent):
    """The variational autoencoder of latent diffusion, for pictures `[c, h, w]` between 0 and 1.

    Rombach et al. 2022, arXiv:2112.10752, section 3.1. Hidden variables are the network's own:
    the `scaling_factor` and `shift_factor` by which pipelines bring them to unit variance are the
    pipelines' affair. `decode` is clamped into [0, 1]. It has no training loss: these networks are
    trained with a perceptual and an adversarial one, which the repository doesn't hold.
    """

    architecture = "diffusers/autoencoder-kl"
    Config = AutoencoderConfig

    config: AutoencoderConfig
    network: nn.Module

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """The shape of the hidden variables, `(c, h, w)`."""
        _, height, width = self.space.shape
        shrink = self._shrink()
        return (
            int(self.config.network.get("latent_channels", 4)),
            height // shrink,
            width // shrink,
        )

    @classmethod
    def of(cls, network: Any) -> AutoencoderKL:
        """Put a live AutoencoderKL behind the interface; it is taken as it is."""
        config = AutoencoderConfig.parse({"network": described(network)})
        return cls(config, parts={"network": network})

    def native(self) -> Any:
        """Give the AutoencoderKL of diffusers' that this model is."""
        return self.network

    def _space(self) -> Space:
        network, shrink = self.config.network, self._shrink()
        height, width = self.config.size or _pair(network.get("sample_size", 32))
        if network.get("_class_name") != _NETWORK or height % shrink or width % shrink:
            raise ConfigError(
                f"An {_NETWORK}'s pictures have sides that {shrink} divides",
                received=f"{network.get('_class_name')} for {height} x {width}",
            )
        channels = {int(network.get(name, 3)) for name in ("in_channels", "out_channels")}
        if len(channels) > 1:
            raise ConfigError("What is decoded has the channels of the data", received=channels)
        return Space.unit(*channels, height, width)

    def _build(self) -> None:
        self.network = self._taken("network") or module(self.config.network)

    def _posterior(self, z: Tensor, call: Call) -> Posterior:
        del call
        native: Any = self.network
        found = native.encode(2 * z - 1).latent_dist
        return DiagonalNormal(found.mean, found.logvar)

    def _decode(self, h: Tensor, call: Call) -> Tensor:
        del call
        native: Any = self.network
        return (native.decode(h).sample / 2 + 0.5).clamp(0, 1)

    def _shrink(self) -> int:
        """Give by how much sides shrink: by two after each block but the last."""
        return 2 ** (len(self.config.network.get("block_out_channels", (64,))) - 1)


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
