"""A pass over rows by which normal distributions are scored and learnt from by two products."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_plugin_classical.expectation_pass import ExpectationPass, StackPass
from zoo_plugin_classical.gaussian_stack import GaussianStack

_TOLERANCE = {torch.float64: 1e-10, torch.float32: 5e-2}
"""Bound, in nats, on the rounding error of a row's score that the shorter way may make."""


def gaussian_pass(stack: GaussianStack) -> ExpectationPass:
    """Choose how to pass over rows: the shorter way, unless it loses digits."""
    form = _Products(stack) if stack.covariance.factored else _Squares(stack)
    bound = torch.finfo(stack.mean.dtype).eps * float(form.magnitude().max())
    exact = bound <= _TOLERANCE.get(stack.mean.dtype, 0.0)
    return QuadraticPass(stack, form) if exact else StackPass(stack)


class QuadraticForm(ABC):
    """log N(z; mean_k, C_k) as θ_k · φ(z − origin): φ are z's entries and products of them."""

    theta: Float[Tensor, "k f"]

    def __init__(self, stack: GaussianStack) -> None:
        self.mean = stack.mean.detach().double()
        self.origin = self.mean.mean(0)
        self.away = self.mean - self.origin

    @property
    @abstractmethod
    def width(self) -> int:
        """How many features a row has."""

    @abstractmethod
    def magnitude(self) -> Float[Tensor, " k"]:
        """Give the sum of the sizes of the terms of θ_k · φ, of a row amid distribution k."""

    @abstractmethod
    def fill(self, features: Float[Tensor, "f n"], z: Float[Tensor, "d n"]) -> None:
        """Write the features of columns that are rows around the origin."""

    @abstractmethod
    def sums(self, total: Float[Tensor, "k f"]) -> Mapping[str, Tensor]:
        """Turn sums of features into the stack's statistics, which are around the means."""


@final
class _Products(QuadraticForm):
    """Features of full and tied covariances: z_i z_j for i ≤ j, z_i and 1."""

    def __init__(self, stack: GaussianStack) -> None:
        super().__init__(stack)
        d = stack.size
        self.covariance = stack.covariances.detach().double()
        factor, self.fault = torch.linalg.cholesky_ex(self.covariance)
        there = (self.fault == 0)[:, None, None]
        eye = torch.eye(d, dtype=factor.dtype, device=factor.device)
        self.precision = torch.cholesky_inverse(torch.where(there, factor, eye))
        self.i, self.j = torch.triu_indices(d, d, device=self.mean.device)
        once = torch.where(self.i == self.j, 0.5, 1.0).to(self.mean)
        slope = (self.precision @ self.away[:, :, None])[..., 0]
        log_det = torch.linalg.slogdet(self.covariance).logabsdet
        constant = (self.away * slope).sum(1) + log_det + d * math.log(2 * math.pi)
        parts = [-once * self.precision[:, self.i, self.j], slope, -0.5 * constant[:, None]]
        self.theta = torch.cat(parts, 1)

    @property
    def width(self) -> int:
        """d(d + 1)/2 products, d entries and 1."""
        return self.theta.shape[1]

    def magnitude(self) -> Float[Tensor, " k"]:
        """Give Σ_ij |Λ_ij| (|m_i| |m_j| + |C_ij|), m the mean around the origin.

        It is infinite where rounding leaves nothing of the covariance to invert.
        """
        size = self.away.abs()
        second = size[:, :, None] * size[:, None] + self.covariance.abs()
        size = (self.precision.abs() * second).sum((1, 2))
        return torch.where(self.fault == 0, size, torch.inf)

    def fill(self, features: Float[Tensor, "f n"], z: Float[Tensor, "d n"]) -> None:
        """Write products row by row of their upper triangle."""
        d, at = len(z), 0
        for i in range(d):
            torch.mul(z[i], z[i:], out=features[at : at + d - i])
            at += d - i
        features[at : at + d] = z
        features[at + d] = 1.0

    def sums(self, total: Float[Tensor, "k f"]) -> Mapping[str, Tensor]:
        """Move sums of products from the origin to the means."""
        d = self.mean.shape[1]
        products, entries, rows = total.split([self.width - d - 1, d, 1], 1)
        second = self.mean.new_zeros(len(self.mean), d, d)
        second[:, self.i, self.j] = products
        second[:, self.j, self.i] = products
        first = entries - rows * self.away
        crossed = self.away[:, :, None] * (entries - 0.5 * rows * self.away)[:, None]
        return {"rows": rows[:, 0], "first": first, "second": second - crossed - crossed.mT}


@final
class _Squares(QuadraticForm):
    """Features of independent entries: z_j², z_j, and whether z_j is known."""

    def __init__(self, stack: GaussianStack) -> None:
        super().__init__(stack)
        self.variance = stack.covariances.detach().double().diagonal(dim1=1, dim2=2)
        precision, slope = 1 / self.variance, self.away / self.variance
        constant = self.away * slope + self.variance.log() + math.log(2 * math.pi)
        self.theta = torch.cat([-0.5 * precision, slope, -0.5 * constant], 1)

    @property
    def width(self) -> int:
        """Three numbers an entry."""
        return self.theta.shape[1]

    def magnitude(self) -> Float[Tensor, " k"]:
        """Give Σ_j (m_j² + C_jj) / C_jj, m the mean around the origin."""
        return (self.away.square() / self.variance + 1).sum(1)

    def fill(self, features: Float[Tensor, "f n"], z: Float[Tensor, "d n"]) -> None:
        """Write squares, entries, and ones where they are known."""
        squares, entries, known = features.split(len(z))
        torch.mul(z, z, out=squares)
        if bool(squares.sum().isnan()):
            torch.logical_not(z.isnan(), out=known)
            torch.nan_to_num(z, out=entries)
            squares.nan_to_num_()
        else:
            known.fill_(1.0)
            entries.copy_(z)

    def sums(self, total: Float[Tensor, "k f"]) -> Mapping[str, Tensor]:
        """Move sums of squares from the origin to the means."""
        squares, entries, known = total.split(self.mean.shape[1], 1)
        first = entries - known * self.away
        return {
            "known": known,
            "first": first,
            "second": squares - self.away * (2 * entries - known * self.away),
        }


@final
class QuadraticPass(ExpectationPass):
    """Scores are one product of features with θ, sums another one with the shares.

    Features of a part of the rows are made once, and stay in the processor's cache. Rows that
    lack entries which depend on others are left to the stack.
    """

    def __init__(self, stack: GaussianStack, form: QuadraticForm) -> None:
        self.form, self.dtype = form, stack.mean.dtype
        self.origin, self.theta = form.origin.to(self.dtype), form.theta.to(self.dtype)
        self.total = torch.zeros_like(form.theta)
        self.others = StackPass(stack)
        self.factored = stack.covariance.factored
        self._buffer = self.theta.new_empty(form.width, 0)

    def take(self, z: Tensor) -> None:
        """Make the features of rows."""
        z = z.reshape(len(z), len(self.origin))
        self._left = self.factored and bool(z.sum().isnan())
        if self._left:
            self.others.take(z)
            return
        if self._buffer.shape[1] < len(z):
            self._buffer = self.theta.new_empty(self.form.width, len(z))
        self._features = self._buffer[:, : len(z)]
        # A clone, since rows of one entry are contiguous as they are, and must stay.
        columns = z.T.clone(memory_format=torch.contiguous_format)
        self.form.fill(self._features, columns.sub_(self.origin[:, None]))

    def score(self) -> Float[Tensor, "n k"]:
        """Give log N(z; mean_k, C_k)."""
        return self.others.score() if self._left else (self.theta @ self._features).T

    def score_into(self, scores: Float[Tensor, "n k"]) -> None:
        """Copy log N(z; mean_k, C_k), which lies by columns."""
        scores.copy_(self.score())

    def count(self, share: Float[Tensor, "n k"]) -> None:
        """Add the shares' sums of features, in float64."""
        if self._left:
            self.others.count(share)
        else:
            self.total += share.T @ self._features.T

    def sums(self) -> Mapping[str, Tensor]:
        """Give the sums of both kinds of rows."""
        own, others = self.form.sums(self.total), self.others.sums()
        return {name: tensor + others.get(name, 0.0) for name, tensor in own.items()}
