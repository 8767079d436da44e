"""Categorical: independent codes."""

from __future__ import annotations

from typing import ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_classical.categorical_stack import CategoricalStack
from zoo_plugin_classical.coded_space import check_codes, coded_fields
from zoo_plugin_classical.stack_model import StackModel


@final
class CategoricalConfig(zoo.Config):
    """Fields of independent categorical distributions.

    space: codes, ordered or not, of which entries may be missing. alpha: what is added to the
    count of each code.
    """

    space: Space
    alpha: pydantic.NonNegativeFloat = 0.0

    @pydantic.model_validator(mode="after")
    def _codes(self) -> Self:
        kinds = (Kind.CATEGORICAL, Kind.ORDINAL, Kind.BINARY)
        check_codes(self.space, "categorical distributions", *kinds)
        return self


@final
class Categorical(StackModel):
    """p(x) = Π_j p_j(x_j): codes that are independent, each with a probability of its own.

    Fitted in one pass, to the shares of codes; `alpha` is a prior Dirichlet(1 + α, …, 1 + α).
    """

    architecture: ClassVar[str] = "classical/categorical"
    Config: ClassVar[type[zoo.Config]] = CategoricalConfig

    config: CategoricalConfig
    stack: CategoricalStack

    def _stack(self, k: int) -> CategoricalStack:
        return CategoricalStack(k, self.space, self.config.alpha)

    @property
    @torch.no_grad()
    def probabilities(self) -> Float[Tensor, "... levels"]:
        """The probabilities of the codes, `[*shape, levels]`."""
        shares = self.stack.logits[0].softmax(-1)
        return shares.reshape(*self.space.shape, -1)

    @classmethod
    def _fields_for_data(
        cls, data: object, condition: object, fields: dict[str, object]
    ) -> dict[str, object]:
        return super()._fields_for_data(data, condition, coded_fields(data, fields))
