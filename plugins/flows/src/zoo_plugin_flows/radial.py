"""Radial flows: expansions and contractions around points."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core import config as configuration
from zoo_plugin_flows.amortized import Amortized, AmortizedConfig, stretch_of
from zoo_plugin_flows.bijection import Bijection, Chain
from zoo_plugin_flows.flow import Flow


@final
class Radial(Bijection):
    """z = x + β (x − c)/(α + r), with r = |x − c|, α > 0 and β > −α.

    Variational inference with normalizing flows, Rezende and Mohamed 2015 (arXiv:1505.05770),
    equation 14 and appendix A.2, here from data to noise. β/α = −1 + log(1 + (e − 1)eᵃ)
    for a free a, so that the map starts as the identity. The inverse is closed: r is the positive
    root of r² + (α + β − ρ) r − αρ with ρ = |z − c|.
    """

    def __init__(self, features: int, context: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.features = features
        start = torch.cat((torch.randn(features), torch.zeros(2)))
        self.parameters_of = Amortized(start, context, hidden)

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Move each row from or to the centre."""
        centre, reach, stretch = self._ball(context)
        away = x - centre
        radius = torch.linalg.vector_norm(away, dim=-1)
        factor = (radius + stretch * reach) / (radius + reach)
        return centre + away * factor[:, None], self._log_det(radius, reach, stretch)

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Undo `forward`."""
        centre, reach, stretch = self._ball(context)
        away = z - centre
        radius = _radius(torch.linalg.vector_norm(away, dim=-1), reach, stretch)
        factor = (radius + reach) / (radius + stretch * reach)
        return centre + away * factor[:, None], -self._log_det(radius, reach, stretch)

    def _ball(self, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Give c, α and 1 + β/α > 0, each with one row or a row for each row."""
        centre, log_reach, raw = self.parameters_of(context).split((self.features, 1, 1), 1)
        return centre, log_reach[:, 0].exp(), stretch_of(raw[:, 0])

    def _log_det(self, radius: Tensor, reach: Tensor, stretch: Tensor) -> Tensor:
        """Give (d − 1) log(1 + βh) + log(1 + βh + βh'r), in terms that are all positive."""
        across = (radius + stretch * reach).log()
        outwards = (radius * (radius + 2 * reach) + stretch * reach.square()).log()
        return (
            (self.features - 1) * across + outwards - (self.features + 1) * (radius + reach).log()
        )


def _radius(length: Tensor, reach: Tensor, stretch: Tensor) -> Tensor:
    """Solve for the radius before the map; the form of the root that subtracts nothing is taken."""
    half = 0.5 * (length - stretch * reach)
    root = (half.square() + reach * length).sqrt()
    return torch.where(half > 0, half + root, reach * length / (root + half.abs()))


@final
class RadialFlow(Flow):
    """A flow of radial maps, exact and closed in both directions.

    Variational inference with normalizing flows, Rezende and Mohamed 2015 (arXiv:1505.05770),
    section 4.1.
    """

    architecture: ClassVar[str] = "flows/radial"
    Config: ClassVar[type[configuration.Config]] = AmortizedConfig

    config: AmortizedConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        hidden = self.config.hidden
        return Chain(Radial(features, context, hidden) for _ in range(self.config.transforms))
