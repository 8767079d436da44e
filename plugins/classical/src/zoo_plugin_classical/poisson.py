"""Poisson: independent counts."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_classical.coded_space import check_codes, count_fields
from zoo_plugin_classical.poisson_stack import PoissonStack
from zoo_plugin_classical.stack_model import StackModel


@final
class PoissonConfig(zoo.Config):
    """Fields of independent Poisson distributions.

    space: counts, of which entries may be missing. prior_count, prior_rows: a Gamma prior, as if
    so many events had been counted in so many rows beside the data; none by default.
    """

    space: Space
    prior_count: pydantic.NonNegativeFloat = 0.0
    prior_rows: pydantic.NonNegativeFloat = 0.0

    @pydantic.model_validator(mode="after")
    def _counts(self) -> Self:
        check_codes(self.space, "Poisson distributions", Kind.COUNT)
        return self


@final
class Poisson(StackModel):
    """p(x) = Π_j λ_j^x_j e^−λ_j / x_j!: counts that are independent, each with a rate of its own.

    Fitted in one pass, to the mean counts.
    """

    architecture: ClassVar[str] = "classical/poisson"
    Config: ClassVar[type[zoo.Config]] = PoissonConfig

    config: PoissonConfig
    stack: PoissonStack

    def _stack(self, k: int) -> PoissonStack:
        config = self.config
        return PoissonStack(k, self.space.size, config.prior_count, config.prior_rows)

    @property
    @torch.no_grad()
    def rate(self) -> Float[Tensor, ...]:
        """The mean counts, `[*shape]`."""
        return self.stack.rate.reshape(self.space.shape)

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return super()._fields_for_data(data, condition, count_fields(data, fields))
