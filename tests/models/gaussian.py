"""An exact density: a multivariate Gaussian that conditions on any subset of entries."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo


@final
class Gaussian(zoo.Generator, zoo.DensityModel):
    """N(loc, L Lᵀ) with closed-form conditionals."""

    architecture = "test/gaussian"
    observes = True

    @final
    class Config(zoo.Config):
        space: zoo.Space
        conditioner: zoo.Part | None = None

    config: Config

    def _build(self) -> None:
        d = self.space.size
        self.loc = nn.Parameter(torch.randn(d))
        self.factor = nn.Parameter(torch.eye(d) + 0.1 * torch.randn(d, d).tril())
        self.shift = None
        if self.config.conditioner is not None:
            self.shift = nn.Linear(self.conditioner.context_shape.as_vector, d, bias=False)

    def _mean(self, n: int, call: zoo.Call) -> Tensor:
        loc = self.loc.expand(n, -1)
        return loc if call.context is None else loc + self.shift(call.context.as_vector())

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        noise = torch.randn(n, self.space.size, generator=call.rng, dtype=self.dtype)
        mean = self._mean(n, call)
        if call.observed is None:
            return (mean + noise @ self.factor.tril().T).reshape(n, *self.space.shape)
        mask = call.observed.mask.reshape(n, -1)
        values = call.observed.values.reshape(n, -1).to(self.dtype)
        rows = [
            self._fill(m, v, o, e) for m, v, o, e in zip(mean, values, mask, noise, strict=True)
        ]
        return torch.stack(rows).reshape(n, *self.space.shape)

    def _fill(self, mean: Tensor, value: Tensor, known: Tensor, noise: Tensor) -> Tensor:
        loc, cov = self._conditional(mean, value, known)
        x = value.clone()
        x[~known] = loc + torch.linalg.cholesky(cov) @ noise[~known]
        return x

    def _conditional(self, mean: Tensor, value: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        factor = self.factor.tril()
        cov = factor @ factor.T
        gain = torch.linalg.solve(cov[known][:, known], cov[known][:, ~known]).T
        loc = mean[..., ~known] + (value - mean)[..., known] @ gain.T
        return loc, cov[~known][:, ~known] - gain @ cov[known][:, ~known]

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        mean, z = self._mean(len(z), call), z.flatten(1)
        if call.observed is None:
            return _log_normal(z - mean, self.factor.tril())
        masks, which = call.observed.flatten(1).unique(dim=0, return_inverse=True)
        log_prob = z.new_zeros(len(z))
        for number, known in enumerate(masks):
            rows = (which == number).nonzero()[:, 0]
            loc, cov = self._conditional(mean[rows], z[rows], known)
            scored = _log_normal(z[rows][:, ~known] - loc, torch.linalg.cholesky(cov))
            log_prob = log_prob.index_add(0, rows, scored)
        return log_prob


def _log_normal(residual: Tensor, factor: Tensor) -> Tensor:
    white = torch.linalg.solve_triangular(factor, residual.T, upper=False).T
    log_det = factor.diagonal().abs().log().sum()
    return -0.5 * (white**2).sum(1) - log_det - 0.5 * residual.shape[1] * math.log(2 * math.pi)
