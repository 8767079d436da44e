"""Mixture: a mixture of any models that learn from sums over rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, final

import pydantic
import torch
from torch import nn

from zoo_core import config as configuration
from zoo_core.errors import ConfigError
from zoo_core.interfaces import late
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.space import Space
from zoo_core.interfaces.sufficient_statistics import SufficientStatistics
from zoo_plugin_classical.expectation_maximization import EMOptions
from zoo_plugin_classical.expectation_pass import ExpectationPass, StackPass
from zoo_plugin_classical.joined_stack import JoinedStack, joins
from zoo_plugin_classical.mixture_model import MixtureModel
from zoo_plugin_classical.part_stack import PartStack
from zoo_plugin_classical.stack import Stack


@final
class MixtureConfig(configuration.Config):
    """Fields of a mixture: space, what one sample is, and components, a model each.

    `component` and `n_components` may be given instead: that many of one.
    """

    space: Space
    components: Annotated[
        tuple[Annotated[Part, Provides(Generator, DensityModel, SufficientStatistics)], ...],
        pydantic.Field(min_length=1),
    ]

    @pydantic.model_validator(mode="before")
    @classmethod
    def _repeated(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or "component" not in values:
            return values
        rest = {n: v for n, v in values.items() if n not in ("component", "n_components")}
        return {**rest, "components": (values["component"],) * values.get("n_components", 1)}


@final
class Mixture(MixtureModel, Conditionable):
    """p(x) = Σ_k w_k p_k(x), each p_k a model of its own.

    Components of one class of this plugin (bernoulli, categorical, poisson, gaussian) are worked
    on together. Any entries can be told where they can be told to the components, of one class.
    """

    architecture: ClassVar[str] = "classical/mixture"
    Config: ClassVar[type[configuration.Config]] = MixtureConfig

    config: MixtureConfig
    components: nn.ModuleList

    def _build(self) -> None:
        self.log_weights = nn.Parameter(0.2 * torch.randn(len(self.components)))
        parts: Any = list(self.components)
        for part in parts:
            self._check_part(part)
        self.stack: Stack = JoinedStack(parts) if joins(parts) else PartStack(parts)

    def _check_part(self, part: Any) -> None:
        if part.is_conditional or part.space != self.space:
            raise ConfigError(
                f"The components of a mixture are models of {self.space}, without a condition",
                received=f"{part.architecture}, a model of {part.space}",
                remedy="Leave `space` and `conditioner` out of the components.",
            )

    def _provides(self) -> frozenset[type[Model]]:
        told = isinstance(self.stack, JoinedStack) and self.stack.conditional
        return super()._provides() - (frozenset() if told else {Conditionable})

    def _expectation_pass(self) -> ExpectationPass:
        return StackPass(self.stack)

    def _fit(self, request: FitRequest) -> FitReport:
        return self._fit_from(request, self._options(EMOptions, request.options))

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        """Let the first component say what the data's space is."""
        parts = fields.get("components", [fields.get("component")])
        if "space" in fields or not isinstance(parts[0], Part):
            return super()._fields_for_data(data, condition, fields)
        first = late.architecture(parts[0].architecture)
        space = first._fields_for_data(data, None, dict(parts[0].config))["space"]
        return super()._fields_for_data(data, condition, {**fields, "space": space})
