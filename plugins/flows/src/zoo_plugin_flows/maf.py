"""MAF: a masked autoregressive flow."""

from __future__ import annotations

from typing import ClassVar, final

import pydantic

from zoo_core import config as configuration
from zoo_plugin_flows.autoregressive import AutoregressiveConfig, autoregressive_chain
from zoo_plugin_flows.autoregressive_affine import SoftAffine
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.flow import Flow


@final
class MAFConfig(AutoregressiveConfig):
    """Fields of a masked autoregressive flow.

    bound: largest absolute logarithm of a transform's scale.
    """

    bound: pydantic.PositiveFloat = 5.0


@final
class MAF(Flow):
    """A masked autoregressive flow: affine, with a density in one pass.

    Masked Autoregressive Flow for Density Estimation, Papamakarios et al. 2017 (arXiv:1705.07057),
    section 3. With direction: sampling it is an inverse autoregressive flow.
    """

    architecture: ClassVar[str] = "flows/maf"
    Config: ClassVar[type[configuration.Config]] = MAFConfig

    config: MAFConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        return autoregressive_chain(self.config, SoftAffine(self.config.bound), features, context)
