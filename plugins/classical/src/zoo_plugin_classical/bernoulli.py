"""Bernoulli: independent zeros and ones."""

from __future__ import annotations

from typing import ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_classical.bernoulli_stack import BernoulliStack
from zoo_plugin_classical.coded_space import binary_fields, check_codes
from zoo_plugin_classical.stack_model import StackModel


@final
class BernoulliConfig(zoo.Config):
    """Fields of independent Bernoulli distributions.

    space: binary samples, of which entries may be missing. alpha: what is added to the counts of
    zeros and of ones.
    """

    space: Space
    alpha: pydantic.NonNegativeFloat = 0.0

    @pydantic.model_validator(mode="after")
    def _binary(self) -> Self:
        check_codes(self.space, "Bernoulli distributions", Kind.BINARY)
        return self


@final
class Bernoulli(StackModel):
    """p(x) = Π_j p_j^{x_j} (1 − p_j)^{1 − x_j}: zeros and ones that are independent.

    Fitted in one pass, to the shares of ones; `alpha` is a prior Beta(1 + α, 1 + α).
    """

    architecture: ClassVar[str] = "classical/bernoulli"
    Config: ClassVar[type[zoo.Config]] = BernoulliConfig

    config: BernoulliConfig
    stack: BernoulliStack

    def _stack(self, k: int) -> BernoulliStack:
        return BernoulliStack(k, self.space, self.config.alpha)

    @property
    @torch.no_grad()
    def probability(self) -> Float[Tensor, ...]:
        """The probabilities of a one, `[*shape]`."""
        return self.stack.mean_each().reshape(self.space.shape)

    @classmethod
    def _fields_for_data(
        cls, data: object, condition: object, fields: dict[str, object]
    ) -> dict[str, object]:
        return super()._fields_for_data(data, condition, binary_fields(data, fields))
