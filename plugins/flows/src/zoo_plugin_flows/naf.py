"""NAF: a neural autoregressive flow."""

from __future__ import annotations

from typing import Annotated, ClassVar, final

import pydantic

from zoo_core import config as configuration
from zoo_plugin_flows.autoregressive import AutoregressiveConfig, autoregressive_chain
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.monotonic_sigmoids import SigmoidMixture


@final
class NAFConfig(AutoregressiveConfig):
    """Fields of a neural autoregressive flow.

    units: number of sigmoids that each feature's map mixes. minimum: least slope of one.
    """

    transforms: pydantic.PositiveInt = 3
    units: Annotated[int, pydantic.Field(ge=1)] = 16
    minimum: Annotated[float, pydantic.Field(gt=0, lt=1)] = 1e-2


@final
class NAF(Flow):
    """A neural autoregressive flow with deep sigmoidal transforms: an exact density in one pass.

    Neural Autoregressive Flows, Huang et al. 2018 (arXiv:1804.00779), section 3.1. Sampling finds
    each feature by Newton's method within bounds, to four units of the last place.
    """

    architecture: ClassVar[str] = "flows/naf"
    Config: ClassVar[type[configuration.Config]] = NAFConfig

    config: NAFConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        mixture = SigmoidMixture(self.config.units, self.config.minimum)
        return autoregressive_chain(self.config, mixture, features, context)
