"""RealNVP: a flow with affine coupling layers."""

from __future__ import annotations

from typing import ClassVar, final

import pydantic

from zoo_core import config as configuration
from zoo_plugin_flows.affine import Affine, BoundedAffine
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.coupling import CouplingConfig, couplings
from zoo_plugin_flows.flow import Flow


@final
class RealNVPConfig(CouplingConfig):
    """Fields of a RealNVP.

    bound: largest absolute logarithm of a coupling's scale, which keeps both directions accurate
    in float32; None leaves it free, which is a little faster.
    """

    transforms: pydantic.PositiveInt = 8
    hidden: tuple[pydantic.PositiveInt, ...] = (128, 128)
    bound: pydantic.PositiveFloat | None = 2.0


@final
class RealNVP(Flow):
    """A flow with affine coupling layers.

    Density estimation using Real NVP, Dinh et al. 2017 (arXiv:1605.08803), section 3.
    """

    architecture: ClassVar[str] = "flows/realnvp"
    Config: ClassVar[type[configuration.Config]] = RealNVPConfig

    config: RealNVPConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        config = self.config
        elementwise = Affine() if config.bound is None else BoundedAffine(config.bound)
        return couplings(config, elementwise, features, context)
