"""A fixed order of the features."""

from __future__ import annotations

from typing import Self, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_plugin_flows.bijection import Bijection


@final
class Permutation(Bijection):
    """Puts the features into another order; the log-determinant is zero.

    order: feature i of the noise is feature order[i] of the data. It is kept with the weights.
    """

    order: Tensor

    def __init__(self, order: Int64[Tensor, " d"]) -> None:
        super().__init__()
        self.register_buffer("order", order)

    @classmethod
    def reverse(cls, features: int) -> Self:
        """Turn the order round."""
        return cls(torch.arange(features - 1, -1, -1))

    @classmethod
    def shuffle(cls, features: int) -> Self:
        """Draw an order, from torch's generator: inside `_build` the model's seed decides."""
        return cls(torch.randperm(features))

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Reorder the features."""
        return x.index_select(1, self.order), x.new_zeros(len(x))

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Undo `forward`."""
        return z.index_select(1, self.order.argsort()), z.new_zeros(len(z))
