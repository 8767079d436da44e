"""NICE: a flow with additive coupling layers and one scale for each feature."""

from __future__ import annotations

from typing import ClassVar, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_plugin_flows.bijection import Bijection, Chain
from zoo_plugin_flows.coupling import CouplingConfig, couplings
from zoo_plugin_flows.elementwise import Elementwise
from zoo_plugin_flows.flow import Flow


@final
class NICEConfig(CouplingConfig):
    """Fields of a NICE."""

    transforms: pydantic.PositiveInt = 4
    hidden: tuple[pydantic.PositiveInt, ...] = (128, 128)


@final
class Additive(Elementwise):
    """y = x + t.

    NICE, Dinh et al. 2014 (arXiv:1410.8516), section 3.2: the additive coupling law.
    """

    @property
    def width(self) -> int:
        """One: the shift."""
        return 1

    def forward(
        self, x: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Add the shift; the slope is one."""
        return x + raw[0], torch.zeros_like(x)

    def inverse(
        self, y: Float[Tensor, "*shape"], raw: Float[Tensor, " width *shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Subtract it."""
        return y - raw[0], torch.zeros_like(y)


@final
class Scaling(Bijection):
    """z = exp(s) · x: log |det| = Σ s.

    NICE, Dinh et al. 2014 (arXiv:1410.8516), section 3.3.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(features))

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Scale each feature."""
        return x * self.log_scale.exp(), self.log_scale.sum().expand(len(x))

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Undo `forward`."""
        return z * (-self.log_scale).exp(), -self.log_scale.sum().expand(len(z))


@final
class NICE(Flow):
    """A flow with additive coupling layers: it keeps volumes, but for one scale a feature.

    NICE: Non-linear Independent Components Estimation, Dinh et al. 2014 (arXiv:1410.8516),
    section 3.
    """

    architecture: ClassVar[str] = "flows/nice"
    Config: ClassVar[type[configuration.Config]] = NICEConfig

    config: NICEConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        stack = couplings(self.config, Additive(), features, context)
        return Chain((stack, Scaling(features)))
