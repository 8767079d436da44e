"""The multi-scale architecture: after each level half the channels are done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.convolution import ChannelCoupling
from zoo_plugin_flows.images import ImageBijection


@final
class MultiScale(Bijection):
    """A level's images, of which the second half of the channels is noise and the first goes on.

    Density estimation using Real NVP, Dinh et al. 2017 (arXiv:1605.08803), section 3.6. Given the
    first half, the second is normal with a learned mean and scale (Glow, Kingma and Dhariwal 2018,
    arXiv:1807.03039, as its authors' code has it); `priors` map it to standard normal noise, so
    the whole is one bijection. There is a prior for each level but the last. Rows are images with
    channels first, flat; noise is that of the first level, of the second, and so on.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        levels: Iterable[ImageBijection],
        priors: Iterable[ChannelCoupling],
    ) -> None:
        super().__init__()
        self.shape = shape
        self.levels = nn.ModuleList(levels)
        self.priors = nn.ModuleList(priors)

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map images to noise, a level after the other."""
        kept = x.unflatten(1, self.shape).permute(0, 2, 3, 1).contiguous()
        log_det, done = x.new_zeros(len(x)), list[Tensor]()
        for level, prior in self._levels():
            kept, change = level(kept, context)
            log_det = log_det + change
            if prior is not None:
                kept, moved = kept.chunk(2, -1)
                noise, change = prior(moved, kept, context)
                done.append(noise.flatten(1))
                log_det = log_det + change
        return torch.cat((*done, kept.flatten(1)), 1), log_det

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map noise to images, from the last level to the first."""
        log_det = z.new_zeros(len(z))
        *done, last = z.split(self._sizes(), 1)
        kept = last.unflatten(1, self._last_shape())
        for level, prior in reversed(self._levels()):
            if prior is not None:
                noise = done.pop().view(kept.shape)
                moved, change = prior.inverse(noise, kept, context)
                kept = torch.cat((kept, moved), -1)
                log_det = log_det + change
            kept, change = level.inverse(kept, context)
            log_det = log_det + change
        return kept.permute(0, 3, 1, 2).flatten(1), log_det

    def _levels(self) -> list[tuple[ImageBijection, ChannelCoupling | None]]:
        levels = [level for level in self.levels if isinstance(level, ImageBijection)]
        priors = [prior for prior in self.priors if isinstance(prior, ChannelCoupling)]
        return list(zip(levels, [*priors, None], strict=True))

    def _sizes(self) -> list[int]:
        """How much noise each level makes: half of what came to it; the last one, all."""
        channels, height, width = self.shape
        size = channels * height * width
        halves = [size >> level for level in range(1, len(self.levels))]
        return [*halves, size >> (len(self.levels) - 1)]

    def _last_shape(self) -> tuple[int, int, int]:
        channels, height, width = self.shape
        n = len(self.levels)
        return height >> n, width >> n, channels << (n + 1)
