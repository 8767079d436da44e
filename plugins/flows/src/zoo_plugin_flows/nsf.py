"""NSF: a neural spline flow with coupling layers."""

from __future__ import annotations

from typing import Annotated, ClassVar, final

import pydantic

from zoo_core import config as configuration
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.coupling import CouplingConfig, couplings
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.splines import RationalQuadraticSpline


@final
class NSFConfig(CouplingConfig):
    """Fields of a neural spline flow.

    bins: number of bins of each spline. bound: each spline is the identity outside [-bound, bound]
    in network space. minimum: least share of the interval that a bin takes, and least slope.
    """

    bins: Annotated[int, pydantic.Field(ge=2)] = 8
    bound: pydantic.PositiveFloat = 5.0
    minimum: Annotated[float, pydantic.Field(gt=0, lt=1)] = 1e-2

    @pydantic.model_validator(mode="after")
    def _leaves_room(self) -> NSFConfig:
        if self.bins * self.minimum >= 1:
            raise ValueError("bins · minimum is below 1, or nothing is left to learn")
        return self


@final
class NSF(Flow):
    """A neural spline flow with coupling layers, exact and fast in both directions.

    Neural spline flows, Durkan et al. 2019 (arXiv:1906.04032), section 3.
    """

    architecture: ClassVar[str] = "flows/nsf"
    Config: ClassVar[type[configuration.Config]] = NSFConfig

    config: NSFConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        config = self.config
        elementwise = RationalQuadraticSpline(config.bins, config.bound, config.minimum)
        return couplings(config, elementwise, features, context)
