"""Coupling layers in turn on the even and the odd features."""

from __future__ import annotations

from typing import Annotated, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.elementwise import Elementwise
from zoo_plugin_flows.mixing import MixingConfig, interleaved
from zoo_plugin_flows.networks import Activation, CouplingNetwork


class CouplingConfig(MixingConfig):
    """The fields that every coupling flow has.

    transforms: number of coupling layers. hidden: widths of the hidden layers of each coupling's
    network. dropout: share of hidden units dropped in training. activation: nonlinearity of the
    hidden layers. residual: whether a hidden layer adds to one of equal width before it.
    """

    transforms: pydantic.PositiveInt = 6
    hidden: tuple[pydantic.PositiveInt, ...] = (64, 64)
    dropout: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.0
    activation: Activation = Activation.SILU
    residual: bool = True


@final
class Coupling(nn.Module):
    """Moves some features by an elementwise map, told how by the others and the context.

    Dinh et al. 2017 (arXiv:1605.08803), equations 4 to 8. kept, moved, context: how many features
    stay, how many move, and the width of the context (0: none). Features lie on the first axis.
    """

    def __init__(
        self,
        elementwise: Elementwise,
        kept: int,
        moved: int,
        context: int,
        hidden: tuple[int, ...],
        dropout: float,
        activation: Activation = Activation.SILU,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.elementwise = elementwise
        self.moved = moved
        outputs = elementwise.width * moved
        self.network = CouplingNetwork(
            kept + context, hidden, outputs, dropout, activation, residual
        )

    def forward(
        self,
        moved: Float[Tensor, "moved n"],
        kept: Float[Tensor, "kept n"],
        context: Float[Tensor, "n context"] | None,
    ) -> tuple[Float[Tensor, "moved n"], Float[Tensor, " n"]]:
        """Move, and give the log-determinant of each row."""
        moved, log_slope = self.elementwise.forward(moved, self._raw(kept, context))
        return moved, log_slope.sum(0)

    def inverse(
        self,
        moved: Float[Tensor, "moved n"],
        kept: Float[Tensor, "kept n"],
        context: Float[Tensor, "n context"] | None,
    ) -> tuple[Float[Tensor, "moved n"], Float[Tensor, " n"]]:
        """Undo `forward`, and give the inverse's log-determinant of each row."""
        moved, log_slope = self.elementwise.inverse(moved, self._raw(kept, context))
        return moved, log_slope.sum(0)

    def _raw(self, kept: Tensor, context: Tensor | None) -> Tensor:
        given = kept if context is None else torch.cat((kept, context.mT))
        return self.network(given.mT).view(self.elementwise.width, self.moved, -1)


@final
class CouplingStack(Bijection):
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
        activation: Activation = Activation.SILU,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.sizes = [(features + 1) // 2, features // 2]
        self.couplings = nn.ModuleList()
        for m in map(self._moves, range(layers)):
            kept, moved = self.sizes[1 - m], self.sizes[m]
            self.couplings.append(
                Coupling(elementwise, kept, moved, context, hidden, dropout, activation, residual)
            )

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map data to noise, and give the log-determinant of each row."""
        halves = _split(x)
        log_det = x.new_zeros(len(x))
        for i, coupling in enumerate(self._layers()):
            m = self._moves(i)
            halves[m], change = coupling(halves[m], halves[1 - m], context)
            log_det = log_det + change
        return _join(*halves), log_det

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map noise to data, and give the inverse's log-determinant of each row."""
        halves = _split(z)
        log_det = z.new_zeros(len(z))
        for i, coupling in reversed([*enumerate(self._layers())]):
            m = self._moves(i)
            halves[m], change = coupling.inverse(halves[m], halves[1 - m], context)
            log_det = log_det + change
        return _join(*halves), log_det

    def blocks(self) -> tuple[nn.Module, ...]:
        """List the coupling layers."""
        return tuple(self._layers())

    def _layers(self) -> list[Coupling]:
        return [layer for layer in self.couplings if isinstance(layer, Coupling)]

    def _moves(self, layer: int) -> int:
        """Which half a layer moves: 0 the even features, 1 the odd ones."""
        return 1 - layer % 2 if self.sizes[1] else 0


def couplings(
    config: CouplingConfig, elementwise: Elementwise, features: int, context: int
) -> Bijection:
    """Build the coupling layers that a configuration asks for, and what stands between them."""

    def stack(layers: int) -> Bijection:
        return CouplingStack(
            elementwise,
            features,
            context,
            layers,
            config.hidden,
            config.dropout,
            config.activation,
            config.residual,
        )

    return interleaved(config, features, config.transforms, stack)


def _split(x: Tensor) -> list[Tensor]:
    """Take even and odd features apart, features first."""
    return [x[:, 0::2].mT.contiguous(), x[:, 1::2].mT.contiguous()]


def _join(even: Tensor, odd: Tensor) -> Tensor:
    """Undo `_split`, but for the order in memory: features stay together."""
    joined = torch.stack((even[: len(odd)], odd), 1).flatten(0, 1)
    return (joined if len(even) == len(odd) else torch.cat((joined, even[-1:]))).mT
