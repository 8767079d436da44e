"""A module of nobody's library: a normal distribution of the plane."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal


class Bell(nn.Module):
    """N(loc, scale²) of two independent entries, in the several ways in which people write it."""

    def __init__(self) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.tensor([0.5, -1.0]))
        self.log_scale = nn.Parameter(torch.tensor([0.3, -0.2]))

    def distribution(self) -> Independent:
        return Independent(Normal(self.loc, self.log_scale.exp()), 1)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.distribution().log_prob(x)

    def sample(self, n: int) -> Tensor:
        return self.loc + self.log_scale.exp() * torch.randn(n, 2, dtype=self.loc.dtype)

    def draw(self, count: int, *, generator: torch.Generator) -> Tensor:
        noise = torch.randn(count, 2, generator=generator, dtype=self.loc.dtype)
        return self.loc + self.log_scale.exp() * noise
