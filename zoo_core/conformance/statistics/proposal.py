"""Proposal: a simple law fitted to samples, which draws and scores."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor

from zoo_core.conformance.statistics.axis import bounded
from zoo_core.interfaces.space import Kind, Space

_BINS = 16
_WIDE, _SHARE = 2.0, 0.2
_TAIL = 0.1
"""The share of counts that are drawn from a geometric law, which knows no largest one."""


class Proposal(ABC):
    """A law over rows of a space, normalised by its making."""

    @abstractmethod
    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw `[n, *shape]`."""

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """Score rows, in nats, `[n]`."""


def fitted(x: Tensor, space: Space) -> Proposal:
    """Fit a proposal to rows `x [n, *shape]` of a space."""
    if space.entries is not None:
        return Product(x, space.entries)
    if space.kind is Kind.COUNT:
        return Frequencies(x, space)
    return Gaussian(x, space) if space.kind is Kind.REAL else Histogram(x, space)


@final
class Gaussian(Proposal):
    """Normal with the samples' mean and covariance, a share of it twice as wide."""

    def __init__(self, x: Tensor, space: Space) -> None:
        flat = x.reshape(len(x), space.size).double()
        self.space, self.mean = space, flat.mean(0)
        covariance = torch.cov(flat.T).reshape(space.size, space.size)
        ridge = 1e-6 * covariance.diagonal().mean() + 1e-12
        self.factor = torch.linalg.cholesky(covariance + ridge * torch.eye(space.size).double())

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw."""
        noise = torch.randn(n, self.space.size, generator=rng, dtype=torch.float64)
        wide = torch.rand(n, 1, generator=rng, dtype=torch.float64) < _SHARE
        flat = self.mean + torch.where(wide, _WIDE, 1.0) * noise @ self.factor.T
        return flat.reshape(n, *self.space.shape)

    def log_prob(self, x: Tensor) -> Tensor:
        """Score."""
        gap = (x.reshape(len(x), self.space.size).double() - self.mean).T
        square = torch.linalg.solve_triangular(self.factor, gap, upper=False).square().sum(0)
        d = self.space.size
        volume = self.factor.diagonal().log().sum() + d / 2 * math.log(2 * math.pi)
        narrow = math.log(1 - _SHARE) - square / 2
        wide = math.log(_SHARE) - square / (2 * _WIDE**2) - d * math.log(_WIDE)
        return torch.logaddexp(narrow, wide) - volume


@final
class Histogram(Proposal):
    """Independent entries, each with the frequencies of its codes, or of equal bins."""

    def __init__(self, x: Tensor, space: Space) -> None:
        self.space, self.axis = space, bounded(space)
        self.bins = space.n_levels or _BINS
        number = self._bin(x)
        counts = torch.nn.functional.one_hot(number, self.bins).sum(0).double() + 1
        self.log_share = (counts / counts.sum(1, keepdim=True)).log()

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw."""
        flat = torch.multinomial(self.log_share.exp(), n, replacement=True, generator=rng).T
        if self.axis is not None:
            place = torch.rand(flat.shape, generator=rng, dtype=torch.float64)
            flat = self.axis.value(2 * (flat + place) / self.bins - 1)
        return flat.reshape(n, *self.space.shape)

    def log_prob(self, x: Tensor) -> Tensor:
        """Score."""
        score = self.log_share.expand(len(x), -1, -1).gather(2, self._bin(x)[..., None])[..., 0]
        if self.axis is not None:
            score = score - math.log(2 * self.axis.scale / self.bins)
        return score.sum(1)

    def _bin(self, x: Tensor) -> Tensor:
        flat = x.reshape(len(x), self.space.size)
        if self.axis is None:
            return flat
        t = self.axis.inverse(flat.double())
        return ((t + 1) / 2 * self.bins).long().clamp(0, self.bins - 1)


@final
class Frequencies(Proposal):
    """Independent counts, each as frequent as among the samples; a share of them geometric."""

    def __init__(self, x: Tensor, space: Space) -> None:
        self.space = space
        flat = x.reshape(len(x), space.size)
        self.end = int(flat.max()) + 1
        seen = torch.nn.functional.one_hot(flat, self.end).sum(0).double() + 1
        self.log_share = (seen / seen.sum(1, keepdim=True)).log()
        self.log_rest = -torch.log1p(1 / (flat.double().mean(0) + 1))

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw."""
        flat = torch.multinomial(self.log_share.exp(), n, replacement=True, generator=rng).T
        u = torch.rand(flat.shape, generator=rng, dtype=torch.float64)
        geometric = ((1 - u).log() / self.log_rest).long()
        tail = torch.rand(flat.shape, generator=rng, dtype=torch.float64) < _TAIL
        return torch.where(tail, geometric, flat).reshape(n, *self.space.shape)

    def log_prob(self, x: Tensor) -> Tensor:
        """Score."""
        flat = x.reshape(len(x), self.space.size)
        place = flat.clamp_max(self.end - 1)
        share = self.log_share.expand(len(x), -1, -1).gather(2, place[..., None])[..., 0]
        share = torch.where(flat < self.end, share, -torch.inf) + math.log(1 - _TAIL)
        tail = flat * self.log_rest + torch.log(-torch.expm1(self.log_rest)) + math.log(_TAIL)
        return torch.logaddexp(share, tail).sum(1)


@final
class Product(Proposal):
    """The columns of a mixed table, those of one kind together and independent of the others."""

    def __init__(self, x: Tensor, entries: tuple[Space, ...]) -> None:
        alike: dict[tuple[Kind, int | None], list[int]] = {}
        for place, entry in enumerate(entries):
            alike.setdefault((entry.kind, entry.levels), []).append(place)
        self.size = len(entries)
        self.blocks: list[tuple[list[int], Space, Proposal]] = []
        for (kind, levels), places in alike.items():
            space = Space(kind=kind, levels=levels, shape=(len(places),))
            law = fitted(_typed(x[:, places], space), space)
            self.blocks.append((places, space, law))

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw."""
        found = torch.zeros(n, self.size, dtype=torch.float64)
        for places, _, law in self.blocks:
            found[:, places] = law.sample(n, rng).double()
        return found

    def log_prob(self, x: Tensor) -> Tensor:
        """Score."""
        blocks = [law.log_prob(_typed(x[:, at], space)) for at, space, law in self.blocks]
        return torch.stack(blocks).sum(0)


def _typed(x: Tensor, space: Space) -> Tensor:
    return x.long() if space.kind.discrete else x
