"""A bijection turned round."""

from __future__ import annotations

from typing import final

from jaxtyping import Float
from torch import Tensor

from zoo_plugin_flows.bijection import Bijection


@final
class Inverted(Bijection):
    """The inverse of a bijection: its two directions change places."""

    def __init__(self, bijection: Bijection) -> None:
        super().__init__()
        self.bijection = bijection

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map data to noise by the inverse of what is turned round."""
        return self.bijection.inverse(x, context)

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map noise to data by what is turned round."""
        return self.bijection(z, context)
