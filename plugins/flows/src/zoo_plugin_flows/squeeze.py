"""The squeeze, which trades an image's extent for channels."""

from __future__ import annotations

from typing import final

from jaxtyping import Float
from torch import Tensor

from zoo_plugin_flows.images import ImageBijection


@final
class Squeeze(ImageBijection):
    """Makes each square of 2 × 2 pixels one pixel of four times the channels.

    Density estimation using Real NVP, Dinh et al. 2017 (arXiv:1605.08803), section 3.6. Height
    and width are even.
    """

    def forward(
        self, x: Float[Tensor, "n h w c"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h2 w2 c4"], Float[Tensor, " n"]]:
        """Squeeze; the log-determinant is zero."""
        n, h, w, c = x.shape
        squares = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(2, 3)
        return squares.reshape(n, h // 2, w // 2, 4 * c), x.new_zeros(n)

    def inverse(
        self, z: Float[Tensor, "n h2 w2 c4"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h w c"], Float[Tensor, " n"]]:
        """Undo `forward`."""
        n, h, w, c = z.shape
        squares = z.reshape(n, h, w, 2, 2, c // 4).transpose(2, 3)
        return squares.reshape(n, 2 * h, 2 * w, c // 4), z.new_zeros(n)
