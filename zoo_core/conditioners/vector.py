"""Vector: a condition that is a vector of numbers."""

from __future__ import annotations

from typing import Any, final

import pydantic
import torch

from zoo_core import config as configuration
from zoo_core.errors import ConditionError, DataError
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.context import Context, ContextShape
from zoo_core.interfaces.space import Space


@final
class Vector(Conditioner):
    """A vector of `width` real numbers, handed on as it is.

    A raw condition is `[width]`, a batch `[n, width]`. The null context is the zero vector.
    """

    architecture = "core/vector"

    @final
    class Config(configuration.Config):
        """How many numbers a condition has."""

        width: pydantic.PositiveInt

    config: Config

    def _space(self) -> Space:
        return Space.real(self.config.width)

    def _build(self) -> None:
        self.register_buffer("zero", torch.zeros(1, self.config.width))

    @property
    def context_shape(self) -> ContextShape:
        """A vector of the same width."""
        return ContextShape(vector=self.config.width)

    def _prepare(self, raw: Any) -> Codes:
        try:
            vector = self.space.tensor(raw)
            vector = vector[None] if vector.ndim == 1 else vector
            return Codes({"vector": self.space.check(vector, what="conditions")})
        except DataError as error:
            raise ConditionError(
                f"A condition is {self.config.width} finite numbers",
                received=error.received,
                remedy="Give one vector for all samples, or an array with a row a sample.",
            ) from None

    def _encode(self, codes: Codes) -> Context:
        return Context(vector=codes["vector"].to(self.dtype))

    def _null(self) -> Context:
        return Context(vector=self.get_buffer("zero"))
