"""A neural spline flow of angles."""

from __future__ import annotations

from typing import ClassVar, final

from zoo_core import config as configuration
from zoo_plugin_flows.autoregressive import autoregressive_chain
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.circular_spline import CircularSpline
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.masked_embedding import Periodic
from zoo_plugin_flows.nsf_autoregressive import SplineConfig


@final
class CircularNSFConfig(SplineConfig):
    """Fields of a neural spline flow of angles."""

    on_angles: ClassVar[bool] = True


@final
class CircularNSF(Flow):
    """An autoregressive flow on the torus: circular splines, told sines and cosines.

    Normalizing flows on tori and spheres, Rezende et al. 2020 (arXiv:2002.02428), section 2.2.
    Its noise is uniform; density and slopes are continuous where -π meets π.
    """

    architecture: ClassVar[str] = "flows/circular-nsf"
    Config: ClassVar[type[configuration.Config]] = CircularNSFConfig

    config: CircularNSFConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        spline = CircularSpline(self.config.bins, self.config.minimum)
        return autoregressive_chain(self.config, spline, features, context, Periodic())
