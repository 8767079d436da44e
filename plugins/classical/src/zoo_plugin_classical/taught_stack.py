"""TaughtStack: a stack, and what the rows that taught it add up to, so that more can come."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo_plugin_classical.entrywise_stack import CountedStack
from zoo_plugin_classical.moments import Moments, moments_of
from zoo_plugin_classical.normal_stack import NormalStack


class TaughtStack(nn.Module, ABC):
    """The distributions of K classes, and sums over rows of which their parameters are a function.

    The sums are persistent buffers, float64 unless they are converted; `rows [K]` is the weight of
    each class.
    """

    stack: Any
    """An EntrywiseStack; a class narrows the annotation to its own."""
    rows: Tensor

    def __init__(self, k: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(k, dtype=torch.float64))

    @property
    def finite(self) -> bool:
        """Whether all sums are finite: if not, nor were the rows, or they overflowed."""
        return all(bool(buffer.isfinite().all()) for buffer in self.buffers())

    def forget(self) -> None:
        """Set all sums to those of no rows; the parameters stay."""
        for name, _ in self.named_buffers():
            self.get_buffer(name).zero_()

    @abstractmethod
    def include(
        self, z: Tensor, y: Int64[Tensor, " n"], weight: Float[Tensor, " n"] | None
    ) -> None:
        """Add rows in network space whose classes are known."""

    @abstractmethod
    def replace(self, rows: Float[Tensor, " k"], stats: Mapping[str, Tensor]) -> None:
        """Take over the classes' weights and the stack's statistics of the same rows."""

    @abstractmethod
    def learn(self) -> None:
        """Set the stack's parameters to what the sums say; without rows they stay."""

    @abstractmethod
    def log_likelihood(self) -> Tensor:
        """Give Σ weight · log p(x | y) of the rows, in nats, less their `penalty_each`."""

    def penalty_each(self, z: Tensor) -> Tensor | None:
        """Give what learning takes off log p(z | y), `[n, K]`, where it takes anything off."""
        del z


@final
class TaughtCounts(TaughtStack):
    """Sums of codes or counts: the stack's statistics themselves, which add up."""

    stack: CountedStack

    def __init__(self, stack: CountedStack) -> None:
        super().__init__(stack.k)
        self.stack = stack
        for name, shape in stack.shapes.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))

    @torch.no_grad()
    def include(self, z: Tensor, y: Tensor, weight: Tensor | None) -> None:
        """Add rows in network space whose classes are known."""
        for name, tensor in self.stack.sums_of(z, y, weight).items():
            self.get_buffer(name).add_(tensor)
        weight = torch.ones(len(y), device=y.device) if weight is None else weight
        self.rows.add_(y.bincount(weight.double(), minlength=self.stack.k))

    @torch.no_grad()
    def replace(self, rows: Tensor, stats: Mapping[str, Tensor]) -> None:
        """Take over the classes' weights and the stack's statistics of the same rows."""
        self.rows.copy_(rows)
        for name in self.stack.shapes:
            self.get_buffer(name).copy_(stats[name])

    def learn(self) -> None:
        """Set the stack's parameters to what the sums say."""
        if bool(self.rows.any()):
            self.stack.update(self._stats())

    def log_likelihood(self) -> Tensor:
        """Give Σ weight · log p(x | y) of the rows, in nats."""
        return self.stack.log_likelihood(self._stats())

    def _stats(self) -> dict[str, Tensor]:
        return {name: self.get_buffer(name).double() for name in self.stack.shapes}


@final
class TaughtMoments(TaughtStack):
    """Moments of real rows, put together without a loss of digits."""

    stack: NormalStack
    known: Tensor
    mean: Tensor
    scatter: Tensor

    def __init__(self, stack: NormalStack, *, missing: bool) -> None:
        super().__init__(stack.k)
        self.stack = stack
        self.missing = missing
        for name in ("known", "mean", "scatter"):
            self.register_buffer(name, torch.zeros_like(stack.mean, dtype=torch.float64))

    @torch.no_grad()
    def include(self, z: Tensor, y: Tensor, weight: Tensor | None) -> None:
        """Add rows in network space whose classes are known."""
        more = moments_of(z.flatten(1), y, weight, self.stack.k, missing=self.missing)
        self._set(self._moments() + more)

    @torch.no_grad()
    def replace(self, rows: Tensor, stats: Mapping[str, Tensor]) -> None:
        """Take over the classes' weights and the stack's statistics of the same rows."""
        self._set(self.stack.moments(stats))
        self.rows.copy_(rows)

    def learn(self) -> None:
        """Set the stack's parameters to what the sums say."""
        self.stack.set_moments(self._moments())

    @torch.no_grad()
    def log_likelihood(self) -> Tensor:
        """Give Σ weight · log p(x | y) of the rows with noise of the variance that is added."""
        moments = self._moments()
        log_scale = self.stack.log_scale.double()
        away = (moments.mean - self.stack.mean.double()).square() + self._added()
        spread = moments.scatter + moments.known * away
        constant = moments.known * (log_scale + 0.5 * math.log(2 * math.pi))
        return -(constant + 0.5 * spread * (-2 * log_scale).exp()).sum()

    @torch.no_grad()
    def penalty_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give Σ_j ε_j/(2σ²_kj): the expected loss by noise of the variance ε that is added."""
        known = (~z.flatten(1).isnan()).to(z.dtype)
        added = self._added().to(z.dtype)
        return known @ (0.5 * added / self.stack.variance).T

    def _added(self) -> Tensor:
        return self.stack.added(self._moments().pooled())

    def _moments(self) -> Moments:
        sums = (self.rows, self.known, self.mean, self.scatter)
        return Moments(*(tensor.double() for tensor in sums))

    def _set(self, moments: Moments) -> None:
        self.rows.copy_(moments.rows)
        self.known.copy_(moments.known)
        self.mean.copy_(moments.mean)
        self.scatter.copy_(moments.scatter)
