"""Parameters of a bijection that a context moves."""

from __future__ import annotations

from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.networks import CouplingNetwork


@final
class Amortized(nn.Module):
    """Learned parameters, plus what a network makes of the context, where there is one.

    start: the parameters at first. context: width of the context (0: none). hidden: widths of the
    network's hidden layers; it starts at zero.
    """

    def __init__(
        self, start: Float[Tensor, " width"], context: int, hidden: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.start = nn.Parameter(start)
        self.network = CouplingNetwork(context, hidden, len(start), 0.0) if context else None

    def forward(self, context: Float[Tensor, "n c"] | None) -> Float[Tensor, "m width"]:
        """Give the parameters of each row, or in one row those of all."""
        start = self.start[None]
        if self.network is None or context is None:
            return start
        return start + self.network(context).mT
