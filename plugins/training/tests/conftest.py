"""Small models to train, and the trainer behind `fit`."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from typing import Annotated, final

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from zoo_core.config import Config as BaseConfig
from zoo_core.interfaces import late
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.space import Space
from zoo_plugin_training import loop
from zoo_plugin_training.hooks import zoo_train


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Hear interrupts, which a job in the background of a shell is born to ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `fit` find this plugin and no observer, whatever is installed."""
    monkeypatch.setattr(late, "train", zoo_train)
    monkeypatch.setattr(loop, "observe_training", lambda model, request: lambda event: None)


@final
class Gaussian(DensityModel):
    """Independent Gaussians; `dropout` acts on the mean's path and draws from the global rng."""

    architecture = "test/gaussian"

    @final
    class Config(BaseConfig):
        """Dimension, whether the map to network space is fitted, dropout's probability."""

        dimension: int = 2
        noise: Annotated[float, Field(ge=0)] = 0.0
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
        standardize: bool = False

    config: Config

    def _space(self) -> Space:
        return Space.real(self.config.dimension)

    def _preprocessing(self):
        from zoo_core.interfaces.preprocessing import Standardize

        return (Standardize(),) if self.config.standardize else ()

    def _build(self) -> None:
        self.mean = nn.Parameter(torch.zeros(self.config.dimension))
        self.log_scale = nn.Parameter(torch.zeros(self.config.dimension))
        self.drop = nn.Dropout(self.config.dropout)

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        standard = (z - self.drop(self.mean)) / self.log_scale.exp()
        each = -standard.square() / 2 - self.log_scale - math.log(2 * math.pi) / 2
        return each.sum(-1)

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        noise = torch.randn(batch.x.shape, generator=call.rng, device=batch.x.device)
        moved = Batch(batch.x + self.config.noise * noise)
        return super()._loss(moved, call)


@pytest.fixture
def gaussian() -> type[Gaussian]:
    """The class: test modules are imported on their own and can't import this one."""
    return Gaussian


@pytest.fixture
def rows() -> Tensor:
    """2000 rows of two independent Gaussians."""
    rng = torch.Generator().manual_seed(0)
    return torch.tensor([1.0, -2.0]) + torch.tensor([0.5, 2.0]) * torch.randn(
        2000, 2, generator=rng
    )
