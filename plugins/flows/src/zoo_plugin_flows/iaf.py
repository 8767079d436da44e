"""IAF: an inverse autoregressive flow."""

from __future__ import annotations

from typing import ClassVar, final

import pydantic

from zoo_core import config as configuration
from zoo_plugin_flows.autoregressive import (
    AutoregressiveConfig,
    Direction,
    autoregressive_chain,
)
from zoo_plugin_flows.autoregressive_affine import SoftAffine
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.flow import Flow


@final
class IAFConfig(AutoregressiveConfig):
    """Fields of an inverse autoregressive flow.

    bound: largest absolute logarithm of a transform's scale.
    """

    bound: pydantic.PositiveFloat = 5.0
    direction: Direction = Direction.SAMPLING


@final
class IAF(Flow):
    """An inverse autoregressive flow: affine, with samples and their density in one pass.

    Improving Variational Inference with Inverse Autoregressive Flow, Kingma et al. 2016
    (arXiv:1606.04934), section 3. The density of other points takes a step a feature. It is the
    flow for reverse KL; for data, prefer MAF.
    """

    architecture: ClassVar[str] = "flows/iaf"
    Config: ClassVar[type[configuration.Config]] = IAFConfig

    config: IAFConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        return autoregressive_chain(self.config, SoftAffine(self.config.bound), features, context)
