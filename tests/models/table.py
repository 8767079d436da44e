"""An exact density of a mixed table: two classes of rows, columns independent in each."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

import zoo_core as zoo


class Table(zoo.Generator, zoo.DensityModel):
    """p(x) = Σ_k w_k Π_j p_kj(x_j): a normal, a categorical, a Poisson and a binary column.

    Missing values (NaN) are left out of the product.
    """

    architecture = "test/table"

    def _space(self) -> zoo.Space:
        columns = {
            "height": zoo.Space.real(),
            "colour": zoo.Space.categorical(3, names=("red", "green", "blue")),
            "visits": zoo.Space.count(),
            "smokes": zoo.Space.binary(),
        }
        return zoo.Space.mixed(columns, missing=True)

    def _build(self) -> None:
        self.weights = nn.Parameter(torch.tensor([0.4, -0.4]))
        self.loc = nn.Parameter(torch.tensor([-1.0, 1.0]) + 0.2 * torch.randn(2))
        self.log_scale = nn.Parameter(0.2 * torch.randn(2))
        self.colours = nn.Parameter(torch.randn(2, 3))
        self.log_rate = nn.Parameter(torch.tensor([0.3, 1.5]))
        self.logit = nn.Parameter(torch.tensor([-1.0, 0.7]))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        rng = call.rng
        k = torch.multinomial(self.weights.softmax(0), n, replacement=True, generator=rng)
        noise = torch.randn(n, generator=rng, dtype=self.dtype)
        colour = torch.multinomial(self.colours.softmax(1)[k], 1, generator=rng)[:, 0]
        visits = torch.poisson(self.log_rate.exp()[k], generator=rng)
        smokes = torch.bernoulli(self.logit.sigmoid()[k], generator=rng)
        height = self.loc[k] + self.log_scale.exp()[k] * noise
        return torch.stack([height, colour.to(self.dtype), visits, smokes], 1)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        there = ~z.isnan()
        # A harmless value in the place of a missing one keeps gradients finite.
        columns = self.log_columns(torch.where(there, z, 0.0))
        joint = torch.where(there[:, :, None], columns, 0.0).sum(1)
        return (joint + self.weights.log_softmax(0)).logsumexp(1)

    def log_columns(self, x: Tensor) -> Tensor:
        """Give log p_kj(x_j), `[n, 4, 2]`."""
        height, visits = x[:, :1], x[:, 2:3]
        normal = torch.distributions.Normal(self.loc, self.log_scale.exp())
        poisson = visits * self.log_rate - self.log_rate.exp() - torch.lgamma(visits + 1)
        sign = 2 * x[:, 3:] - 1
        columns = [
            normal.log_prob(height),
            self.colours.log_softmax(1).T[x[:, 1].long()],
            poisson,
            functional.logsigmoid(sign * self.logit),
        ]
        return torch.stack(columns, 1)
