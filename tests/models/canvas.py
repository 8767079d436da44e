"""Pictures in colour that are what they begin with, where nothing is known of them."""

from __future__ import annotations

from typing import Annotated, Any, final

import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.config import Live


@final
class CanvasOptions(zoo.Config):
    """image: a picture to start from."""

    image: Annotated[Any, Live()] = None


@final
class Canvas(zoo.Generator):
    """Gives black, or the option `image`, wherever nothing is observed."""

    architecture = "test/canvas"
    SampleOptions = CanvasOptions
    observes = True

    @final
    class Config(zoo.Config):
        pass

    def _space(self) -> zoo.Space:
        return zoo.Space.unit(3, 2, 4)

    def _build(self) -> None:
        self.register_buffer("black", torch.zeros(3, 2, 4))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        image = call.options.image
        start = self.get_buffer("black") if image is None else self.space.tensor(image)
        return start.expand(n, 3, 2, 4).clone()
