"""Glow: a flow of images with invertible 1 × 1 convolutions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self, final

import pydantic

from zoo_core import config as configuration
from zoo_plugin_flows.actnorm import ActNorm
from zoo_plugin_flows.affine import BoundedAffine
from zoo_plugin_flows.bijection import Bijection, Chain
from zoo_plugin_flows.convolution import ChannelCoupling, ConvolutionNetwork, ImageCoupling
from zoo_plugin_flows.flow import Flow, FlowConfig
from zoo_plugin_flows.images import ImageBijection, ImageChain, PerPixel
from zoo_plugin_flows.linear import LULinear
from zoo_plugin_flows.multiscale import MultiScale
from zoo_plugin_flows.squeeze import Squeeze


@final
class GlowConfig(FlowConfig):
    """Fields of a Glow.

    space: images, `[c, h, w]` or `[h, w]`. levels: how often the image is squeezed; height and
    width are divisible by 2^levels. steps: steps of flow a level. hidden: channels inside the
    couplings' networks. dropout: share of them set to zero in training. bound: largest absolute
    logarithm of a coupling's scale.
    """

    levels: pydantic.PositiveInt = 2
    steps: pydantic.PositiveInt = 4
    hidden: pydantic.PositiveInt = 64
    dropout: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.0
    bound: pydantic.PositiveFloat = 2.0

    @pydantic.model_validator(mode="after")
    def _squeezes(self) -> Self:
        shape = self.space.shape
        if len(shape) not in (2, 3):
            raise ValueError(f"a Glow is of images [c, h, w] or [h, w], not of {list(shape)}")
        square = 2**self.levels
        if shape[-2] % square or shape[-1] % square:
            raise ValueError(
                f"{self.levels} levels halve the image as often: height and width are divisible "
                f"by {square}, not {shape[-2]} and {shape[-1]}; take fewer levels, or pad"
            )
        return self

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        *channels, height, width = self.space.shape
        return (*channels, 1)[0], height, width


@final
class Glow(Flow):
    """A flow of images: activation normalisation, invertible 1 × 1 convolutions, couplings.

    Glow, Kingma and Dhariwal 2018 (arXiv:1807.03039), figure 2. A context is told to every
    network; the noise of all levels is one row.
    """

    architecture: ClassVar[str] = "flows/glow"
    Config: ClassVar[type[configuration.Config]] = GlowConfig

    config: GlowConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        channels, height, width = self.config.image
        depths = [channels << (level + 2) for level in range(self.config.levels)]
        levels = [self._level(depth, context) for depth in depths]
        priors = [self._prior(depth // 2, context) for depth in depths[:-1]]
        return MultiScale((channels, height, width), levels, priors)

    def _level(self, channels: int, context: int) -> ImageBijection:
        links: list[ImageBijection] = [Squeeze()]
        for _ in range(self.config.steps):
            links.append(PerPixel(Chain((ActNorm(channels), LULinear(channels)))))
            links.append(ImageCoupling(self._coupling(channels // 2, context, self.config.hidden)))
        return ImageChain(links)

    def _prior(self, channels: int, context: int) -> ChannelCoupling:
        return self._coupling(channels, context, 0)

    def _coupling(self, channels: int, context: int, hidden: int) -> ChannelCoupling:
        elementwise = BoundedAffine(self.config.bound)
        outputs = elementwise.width * channels
        network = ConvolutionNetwork(channels, context, hidden, outputs, self.config.dropout)
        return ChannelCoupling(elementwise, channels, network)
