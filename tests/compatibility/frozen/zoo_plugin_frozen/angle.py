"""A conditioner that uses what plugin API 0 offers to one."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConditionError, DataError
from zoo_core.interfaces.codes import Codes


@final
class Angle(zoo.Conditioner):
    """An angle as its cosine and sine; the origin is "not told"."""

    architecture = "frozen/angle"

    @final
    class Config(zoo.Config):
        pass

    def _space(self) -> zoo.Space:
        return zoo.Space.angle()

    def _build(self) -> None:
        self.register_buffer("zero", torch.zeros(1, 2))

    @property
    def context_shape(self) -> zoo.ContextShape:
        return zoo.ContextShape(vector=2)

    def _prepare(self, raw: Any) -> Codes:
        try:
            angle = self.space.check(self.space.tensor(raw).reshape(-1), what="angles")
        except DataError as error:
            raise ConditionError("A condition is an angle", received=error.received) from None
        return Codes({"angle": angle})

    def _encode(self, codes: Codes) -> zoo.Context:
        angle: Tensor = codes["angle"].to(self.dtype)
        return zoo.Context(vector=torch.stack([angle.cos(), angle.sin()], 1))

    def _null(self) -> zoo.Context:
        return zoo.Context(vector=self.get_buffer("zero"))
