"""Coupling layers in turn on the even and the odd features."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.elementwise import Elementwise
from zoo_plugin_flows.mixing import LULinear
from zoo_plugin_flows.networks import CouplingNetwork


@final
class Coupling(nn.Module):
    """Moves some features by an elementwise map, told how by the others and the context.

    Dinh et al. 2017 (arXiv:1605.08803), equations 4 to 8. kept, moved, context: how many features
    stay, how many move, and the width of the context (0: none).
    """

    def __init__(
        self,
        elementwise: Elementwise,
        kept: int,
        moved: int,
        context: int,
        hidden: tuple[int, ...],
        dropout: float,
    ) -> None:
        super().__init__()
        self.elementwise = elementwise
        self.moved = moved
        outputs = elementwise.width * moved
        self.network = CouplingNetwork(kept + context, hidden, outputs, dropout)

    def forward(
        self,
        moved: Float[Tensor, "n moved"],
        kept: Float[Tensor, "n kept"],
        context: Float[Tensor, "n context"] | None,
    ) -> tuple[Float[Tensor, "n moved"], Float[Tensor, " n"]]:
        """Move, and give the log-determinant of each row."""
        moved, log_slope = self.elementwise.forward(moved, self._raw(kept, context))
        return moved, log_slope.sum(-1)

    def inverse(
        self,
        moved: Float[Tensor, "n moved"],
        kept: Float[Tensor, "n kept"],
        context: Float[Tensor, "n context"] | None,
    ) -> tuple[Float[Tensor, "n moved"], Float[Tensor, " n"]]:
        """Undo `forward`, and give the inverse's log-determinant of each row."""
        moved, log_slope = self.elementwise.inverse(moved, self._raw(kept, context))
        return moved, log_slope.sum(-1)

    def _raw(self, kept: Tensor, context: Tensor | None) -> Tensor:
        given = kept if context is None else torch.cat((kept, context), -1)
        return self.network(given).unflatten(-1, (self.elementwise.width, self.moved))


@final
class CouplingStack(nn.Module):
    """Coupling layers that move the odd and the even features in turn: a bijection of R^d.

    Even and odd features are kept apart from layer to layer and put together once, at the end.
    A single feature is moved by every layer, told only by the context.
    """

    def __init__(
        self,
        elementwise: Elementwise,
        features: int,
        context: int,
        layers: int,
        hidden: tuple[int, ...],
        dropout: float,
        mixing: bool,
    ) -> None:
        super().__init__()
        even, odd = (features + 1) // 2, features // 2
        self.sizes = [even, odd]
        self.couplings = nn.ModuleList(
            Coupling(elementwise, *sizes, context, hidden, dropout)
            for sizes in ([(even, odd), (odd, even)][i % 2 if odd else 1] for i in range(layers))
        )
        self.mixings = nn.ModuleList(LULinear(features) for _ in range(layers if mixing else 0))

    def forward(
        self, x: Float[Tensor, "n features"], context: Float[Tensor, "n context"] | None
    ) -> tuple[Float[Tensor, "n features"], Float[Tensor, " n"]]:
        """Map data to noise, and give the log-determinant of each row."""
        halves = [x[:, 0::2], x[:, 1::2]]
        log_det = x.new_zeros(len(x))
        for i, coupling in enumerate(self.couplings):
            if self.mixings:
                mixed, change = self.mixings[i](torch.cat(halves, -1))
                halves = list(mixed.split(self.sizes, -1))
                log_det = log_det + change
            m = self._moves(i)
            halves[m], change = coupling(halves[m], halves[1 - m], context)
            log_det = log_det + change
        return self._join(halves), log_det

    def inverse(
        self, z: Float[Tensor, "n features"], context: Float[Tensor, "n context"] | None
    ) -> tuple[Float[Tensor, "n features"], Float[Tensor, " n"]]:
        """Map noise to data, and give the inverse's log-determinant of each row."""
        halves = [z[:, 0::2], z[:, 1::2]]
        log_det = z.new_zeros(len(z))
        for i in reversed(range(len(self.couplings))):
            m = self._moves(i)
            halves[m], change = self.couplings[i].inverse(halves[m], halves[1 - m], context)
            log_det = log_det + change
            if self.mixings:
                mixed, change = self.mixings[i].inverse(torch.cat(halves, -1))
                halves = list(mixed.split(self.sizes, -1))
                log_det = log_det + change
        return self._join(halves), log_det

    def _moves(self, layer: int) -> int:
        """Which half a layer moves: 0 the even features, 1 the odd ones."""
        return 1 - layer % 2 if self.sizes[1] else 0

    def _join(self, halves: list[Tensor]) -> Tensor:
        even, odd = halves
        if even.shape == odd.shape:
            return torch.stack((even, odd), -1).flatten(-2)
        joined = torch.stack((even[:, :-1], odd), -1).flatten(-2)
        return torch.cat((joined, even[:, -1:]), -1)
