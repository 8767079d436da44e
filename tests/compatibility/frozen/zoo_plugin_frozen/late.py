"""An architecture that no registry file lists."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo


@final
class Late(zoo.Generator):
    """One number, always."""

    architecture = "frozen/late"

    @final
    class Config(zoo.Config):
        pass

    def _space(self) -> zoo.Space:
        return zoo.Space.real()

    def _build(self) -> None:
        self.value = nn.Parameter(torch.ones(()))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.value.expand(n)
