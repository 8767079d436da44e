"""MixedStack: K distributions of rows of a table whose columns are of different kinds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo_core.interfaces.space import Kind
from zoo_plugin_classical.entrywise_stack import EntrywiseStack
from zoo_plugin_classical.taught_stack import TaughtStack

_EDGE = 1e-6
"""How near to 0 and 1 a number between them counts as being, at most."""
_NODES, _WEIGHTS = 40, math.sqrt(math.pi)


@final
class ColumnGroup(nn.Module):
    """Columns of a table with distributions of one kind, and what has taught these.

    Numbers between 0 and 1 have normal logits; codes are −1 where one is missing.
    """

    def __init__(self, kind: Kind, columns: Sequence[int], taught: TaughtStack) -> None:
        super().__init__()
        self.kind, self.columns, self.taught = kind, list(columns), taught

    def rows(self, x: Tensor) -> Tensor:
        """Give these columns of a table as its stack takes them."""
        own = x[:, self.columns]
        if self.kind.discrete:
            return own.nan_to_num(-1).long()
        return own.clamp(_EDGE, 1 - _EDGE).logit() if self.kind is Kind.UNIT else own

    def log_slope(self, x: Tensor) -> Float[Tensor, " n"]:
        """Give log |d rows/dx| of each row, over its known entries."""
        if self.kind is not Kind.UNIT:
            return x.new_zeros(len(x))
        inner = x[:, self.columns].clamp(_EDGE, 1 - _EDGE)
        return -(inner.log() + (-inner).log1p()).nan_to_num(0).sum(1)

    def values(self, rows: Tensor, like: Tensor) -> Tensor:
        """Map what the stack gives back to values of the table."""
        return (rows.sigmoid() if self.kind is Kind.UNIT else rows).to(like.dtype)

    def mean_of(self, share: Float[Tensor, "n k"] | None) -> Float[Tensor, "n d"]:
        """Give E[x] under each distribution, or under mixtures with these shares."""
        stack = self.taught.stack
        if self.kind is not Kind.UNIT:
            return stack.mean_each() if share is None else stack.mean_of(share)
        mean = _mean_of_sigmoid(stack.mean, stack.variance.sqrt())
        return mean if share is None else share @ mean


@final
class MixedStack(EntrywiseStack):
    """p_k(x) = Π_j p_kj(x_j), each p_kj of its column's kind; rows are floating, NaN is missing."""

    def __init__(self, k: int, size: int, groups: Sequence[ColumnGroup]) -> None:
        super().__init__()
        self.k, self.size = k, size
        self.groups = groups

    @property
    def free_parameters(self) -> int:
        """The sum over the columns."""
        return sum(group.taught.stack.free_parameters for group in self.groups)

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give Σ_j log p_kj(x_j) over the known entries, in nats."""
        found = z.new_zeros(len(z), self.k)
        for group in self.groups:
            own = group.taught.stack.log_prob_each(group.rows(z))
            found = found + own + group.log_slope(z)[:, None]
        return found

    def mean_each(self) -> Float[Tensor, "k d"]:
        """Give the means; of unordered codes the most probable one."""
        return self._joined([group.mean_of(None) for group in self.groups])

    def mean_of(self, share: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        """Give the means under mixtures; of unordered codes the most probable one."""
        return self._joined([group.mean_of(share) for group in self.groups])

    def sample_each(self, which: Int64[Tensor, " n"], rng: torch.Generator) -> Float[Tensor, "n d"]:
        """Draw a row of each distribution that is asked for."""
        like = next(self.groups[0].taught.stack.parameters())
        return self._joined(
            [g.values(g.taught.stack.sample_each(which, rng), like) for g in self.groups]
        )

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give the statistics of each group, and the weighted slopes of all columns."""
        found = {"slopes": weight.double().sum(1) @ self.log_slope(z).double()}
        for i, group in enumerate(self.groups):
            own = group.taught.stack.statistics_each(group.rows(z), weight)
            found |= {f"{i}.{name}": tensor for name, tensor in own.items()}
        return found

    def log_slope(self, z: Tensor) -> Float[Tensor, " n"]:
        """Give log |d rows/dx| of all columns."""
        return torch.stack([group.log_slope(z) for group in self.groups]).sum(0)

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set the parameters of each group."""
        for i, group in enumerate(self.groups):
            group.taught.stack.update(part(stats, i))

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set the parameters of each group from weighted rows."""
        for group in self.groups:
            group.taught.stack.start(group.rows(z), weight)

    def log_prior(self) -> Tensor:
        """Give the sum over the groups."""
        priors = [group.taught.stack.log_prior().double().cpu() for group in self.groups]
        return torch.stack(priors).sum()

    def _joined(self, parts: Sequence[Tensor]) -> Tensor:
        """Put the columns of all groups into one table."""
        table = parts[0].new_empty(len(parts[0]), self.size)
        for group, own in zip(self.groups, parts, strict=True):
            table[:, group.columns] = own.to(table.dtype)
        return table


def part(stats: Mapping[str, Any], i: int) -> dict[str, Any]:
    """Give the statistics of one group."""
    mark = f"{i}."
    return {n.removeprefix(mark): t for n, t in stats.items() if n.startswith(mark)}


def _mean_of_sigmoid(mean: Tensor, scale: Tensor) -> Tensor:
    """Give E σ(u) of normal u, by Gauss-Hermite quadrature."""
    from numpy.polynomial.hermite import hermgauss

    nodes, weights = (torch.tensor(a).to(mean) for a in hermgauss(_NODES))
    points = mean[..., None] + math.sqrt(2) * scale[..., None] * nodes
    return points.sigmoid() @ weights / _WEIGHTS
