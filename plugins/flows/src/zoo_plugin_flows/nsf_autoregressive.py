"""NSF with autoregressive layers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self, final

import pydantic

from zoo_core import config as configuration
from zoo_plugin_flows.autoregressive import AutoregressiveConfig, autoregressive_chain
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.splines import RationalQuadraticSpline


class SplineConfig(AutoregressiveConfig):
    """The fields of autoregressive splines.

    bins: number of bins of each spline. minimum: least share of the interval that a bin takes, and
    least slope.
    """

    transforms: pydantic.PositiveInt = 3
    bins: Annotated[int, pydantic.Field(ge=2)] = 8
    minimum: Annotated[float, pydantic.Field(gt=0, lt=1)] = 1e-3

    @pydantic.model_validator(mode="after")
    def _leaves_room(self) -> Self:
        if self.bins * self.minimum >= 1:
            raise ValueError("bins · minimum is below 1, or nothing is left to learn")
        return self


@final
class NSFAutoregressiveConfig(SplineConfig):
    """Fields of an autoregressive neural spline flow.

    bound: each spline is the identity outside [-bound, bound] in network space.
    """

    bound: pydantic.PositiveFloat = 5.0


@final
class NSFAutoregressive(Flow):
    """A neural spline flow with autoregressive layers: a density in one pass.

    Neural spline flows, Durkan et al. 2019 (arXiv:1906.04032), section 3.2. With direction:
    sampling it is samples that take one pass.
    """

    architecture: ClassVar[str] = "flows/nsf-autoregressive"
    Config: ClassVar[type[configuration.Config]] = NSFAutoregressiveConfig

    config: NSFAutoregressiveConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        config = self.config
        spline = RationalQuadraticSpline(config.bins, config.bound, config.minimum)
        return autoregressive_chain(config, spline, features, context)
