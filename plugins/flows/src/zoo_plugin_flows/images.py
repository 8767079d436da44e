"""Bijections of images, channels last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.bijection import Bijection, back_through, through


class ImageBijection(nn.Module, ABC):
    """An invertible map of images, told a context or not, with its log-determinant.

    Channels lie last, the layout that convolutions on a processor are fastest in and that makes
    an image a set of rows for a map of each pixel.
    """

    @abstractmethod
    def forward(
        self, x: Float[Tensor, "n h w c"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h2 w2 c2"], Float[Tensor, " n"]]:
        """Map data to noise, and give log |det| of the Jacobian at each image."""

    @abstractmethod
    def inverse(
        self, z: Float[Tensor, "n h2 w2 c2"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h w c"], Float[Tensor, " n"]]:
        """Map noise to data, and give log |det| of the inverse's Jacobian at each image."""


@final
class PerPixel(ImageBijection):
    """Maps each pixel's channels alike by a bijection of rows, which is told no context.

    Of a linear map this makes the invertible 1 × 1 convolution of Glow, Kingma and Dhariwal 2018
    (arXiv:1807.03039), section 3.2: its log-determinant is h · w times the linear map's.
    """

    def __init__(self, pixel: Bijection) -> None:
        super().__init__()
        self.pixel = pixel

    def forward(
        self, x: Float[Tensor, "n h w c"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h w c"], Float[Tensor, " n"]]:
        """Map every pixel, and add the log-determinants up."""
        z, log_det = self.pixel(x.flatten(0, 2), None)
        return z.view(x.shape), log_det.reshape(len(x), -1).sum(1)

    def inverse(
        self, z: Float[Tensor, "n h w c"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h w c"], Float[Tensor, " n"]]:
        """Undo `forward`."""
        x, log_det = self.pixel.inverse(z.flatten(0, 2), None)
        return x.view(z.shape), log_det.reshape(len(z), -1).sum(1)


@final
class ImageChain(ImageBijection):
    """Bijections of images one after the other; their log-determinants add up."""

    def __init__(self, links: Iterable[ImageBijection]) -> None:
        super().__init__()
        self.links = nn.ModuleList(links)

    def forward(
        self, x: Float[Tensor, "n h w c"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h2 w2 c2"], Float[Tensor, " n"]]:
        """Go through the links in order."""
        return through(self._links(), x, context)

    def inverse(
        self, z: Float[Tensor, "n h2 w2 c2"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h w c"], Float[Tensor, " n"]]:
        """Go through the links' inverses in the opposite order."""
        return back_through(self._links(), z, context)

    def _links(self) -> list[ImageBijection]:
        return [link for link in self.links if isinstance(link, ImageBijection)]
