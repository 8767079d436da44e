"""Planar flows: expansions and contractions along hyperplanes."""

from __future__ import annotations

import math
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core import config as configuration
from zoo_plugin_flows.amortized import Amortized, AmortizedConfig, stretch_of
from zoo_plugin_flows.bijection import Bijection, Chain
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.root import increasing_root


@final
class Planar(Bijection):
    """z = x + u tanh(w·x + b), with w·u > −1.

    Variational inference with normalizing flows, Rezende and Mohamed 2015 (arXiv:1505.05770),
    equations 10 to 12 and appendix A.1, here from data to noise. Instead of their m(a) = −1 +
    log(1 + eᵃ) for w·u it takes −1 + log(1 + (e − 1)eᵃ), which is zero at zero: so the map starts
    as the identity. The inverse solves for w·x + b, one number a row, to a few units of the last
    place; where w·u nears −1 the map nears one that has no inverse, and x loses digits.
    """

    def __init__(self, features: int, context: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.features = features
        normal = torch.randn(features + 1) / math.sqrt(features)
        start = torch.cat((normal, torch.zeros(features)))
        self.parameters_of = Amortized(start, context, hidden)

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Move each row along u."""
        normal, offset, along, margin = self._plane(context)
        bend = ((x * normal).sum(-1) + offset).tanh()
        return torch.addcmul(x, along, bend[:, None]), _slope(bend, margin).log()

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Undo `forward` by a root for each row; differentiable."""
        normal, offset, along, margin = self._plane(context)
        position = _unbent((z * normal).sum(-1) + offset, margin)
        bend = position.tanh()
        return torch.addcmul(z, along, bend[:, None], value=-1), -_slope(bend, margin).log()

    def _plane(self, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Give w, b, u and the margin 1 + w·u > 0, each with one row or a row for each row."""
        raw = self.parameters_of(context)
        normal, offset, along = raw.split((self.features, 1, self.features), 1)
        inner = (normal * along).sum(-1)
        margin = stretch_of(inner)
        length = normal.square().sum(-1).clamp_min(torch.finfo(raw.dtype).tiny)
        along = along + ((margin - 1 - inner) / length)[:, None] * normal
        return normal, offset[:, 0], along, margin


def _slope(bend: Tensor, margin: Tensor) -> Tensor:
    """Give 1 + w·u (1 − tanh²), written so that no digits are lost where w·u nears −1."""
    return bend.square() + margin * (1 - bend.square())


def _unbent(target: Tensor, margin: Tensor) -> Tensor:
    """Solve a + w·u tanh(a) = target for a.

    The root itself carries no gradient; a last step of Newton's method from it does, the right
    one by the implicit function theorem.
    """
    inner = margin - 1
    values, strength = target.detach(), inner.detach()

    def excess(a: Tensor) -> tuple[Tensor, Tensor]:
        bend = a.tanh()
        return a + strength * bend - values, _slope(bend, margin.detach())

    root = increasing_root(excess, values - strength.abs(), values + strength.abs())
    bend = root.tanh()
    slope = _slope(bend, margin.detach()).clamp_min(torch.finfo(root.dtype).eps)
    return root - (root + inner * bend - target) / slope


@final
class PlanarFlow(Flow):
    """A flow of planar maps.

    Variational inference with normalizing flows, Rezende and Mohamed 2015 (arXiv:1505.05770),
    section 4.1. Exact in both directions: the density in closed form, samples by a root for each
    row and map.
    """

    architecture: ClassVar[str] = "flows/planar"
    Config: ClassVar[type[configuration.Config]] = AmortizedConfig

    config: AmortizedConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        hidden = self.config.hidden
        return Chain(Planar(features, context, hidden) for _ in range(self.config.transforms))
