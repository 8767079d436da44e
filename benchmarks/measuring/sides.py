"""The two sides of a comparison: one surface for flows of different libraries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import zoo_core as zoo
from measuring.turns import Work

RATE = 1e-4


@final
@dataclass(frozen=True)
class Side:
    """A flow: its parameters, its mean loss, its log-density, its samples."""

    library: str
    module: nn.Module
    loss: Callable[[Tensor], Tensor]
    log_prob: Callable[[Tensor], Tensor]
    sample: Callable[[int], Tensor]
    differs: str = ""

    @property
    def parameters(self) -> int:
        """How many numbers count: those behind a mask do not."""
        return sum(p.numel() for p in self.module.parameters())

    def training(self, x: Tensor) -> Work:
        """A step of plain Adam on one batch."""
        optimiser = torch.optim.Adam(self.module.parameters(), RATE)

        def step() -> None:
            optimiser.zero_grad()
            self.loss(x).backward()
            optimiser.step()

        return step

    def scoring(self, x: Tensor) -> Work:
        """The log-density of one batch."""
        return lambda: _without_gradients(self.log_prob, x)

    def sampling(self, n: int) -> Work:
        """Draws of n rows."""
        return lambda: _without_gradients(self.sample, n)

    def flops(self, x: Tensor, *, training: bool) -> int:
        """Operations of the matrix products of one call."""
        with FlopCounterMode(display=False) as counter:
            if training:
                self.loss(x).backward()
            else:
                _without_gradients(self.log_prob, x)
        self.module.zero_grad()
        return counter.get_total_flops()


@torch.no_grad()
def _without_gradients(function: Callable, argument: object) -> object:
    return function(argument)


def ours(name: str, d: int, differs: str = "", **fields: object) -> Side:
    """A flow of the zoo by its public methods, without standardisation, which the peers leave out."""
    # The peers take their initial weights from torch's global seed.
    seed = torch.initial_seed()
    model = zoo.create(name, space=zoo.Space.real(d), preprocessing=(), seed=seed, **fields)
    model.train()
    rng = zoo.rng(0)
    return Side(
        "zoo",
        model,
        lambda x: model.loss(zoo.Batch(x), rng=rng).mean(),
        model.log_prob,
        lambda n: model.sample(n, rng=rng),
        differs,
    )
