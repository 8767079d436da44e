"""The blocks that hold all non-zero entries of a masked weight.

Sorted by degree, a masked weight is a staircase. Blocks of rows that meet only a run of columns are
multiplied with that run alone, which spares up to half of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LEAST = 32
"""Rows of a block at least; products with fewer run too far below the machine's rate."""
MOST = 4
"""Blocks at most; more of them save little."""
WORTH = 0.9
"""Share of the whole product up to which blocks are worth their calls."""
WORK = 2**23
"""Multiplications of a product below which more calls cost more than they spare."""


@dataclass(frozen=True)
class Run:
    """Lines start to stop of a weight, and the run of the other axis that they meet."""

    lines: slice
    meets: slice
    size: int


@final
@dataclass(frozen=True)
class Blocks:
    """The blocks of a weight [out, in], by rows and by columns."""

    rows: tuple[Run, ...]
    columns: tuple[Run, ...]

    @classmethod
    def of(cls, mask: Bool[Tensor, "out in"]) -> Blocks | None:
        """Find the blocks of a mask; None where there is too little to spare."""
        rows, columns = _runs(mask), _runs(mask.mT)
        covered = max(sum(run.size for run in runs) for runs in (rows, columns))
        return cls(rows, columns) if covered <= WORTH * mask.numel() else None

    def product(
        self, weight: Float[Tensor, "out in"], bias: Float[Tensor, " out"], x: Float[Tensor, "in n"]
    ) -> Float[Tensor, "out n"]:
        """Compute weight · x + bias."""
        y = x.new_empty(len(weight), x.shape[1])
        for run in self.rows:
            part = weight[run.lines, run.meets]
            torch.addmm(bias[run.lines, None], part, x[run.meets], out=y[run.lines])
        return y

    def to_weight(
        self, grad: Float[Tensor, "out n"], x: Float[Tensor, "in n"]
    ) -> Float[Tensor, "out in"]:
        """Compute grad · xᵀ in the blocks; zeros outside."""
        result = grad.new_zeros(len(grad), len(x))
        for run in self.rows:
            torch.mm(grad[run.lines], x[run.meets].mT, out=result[run.lines, run.meets])
        return result

    def to_input(
        self, grad: Float[Tensor, "out n"], weight: Float[Tensor, "out in"]
    ) -> Float[Tensor, "in n"]:
        """Compute weightᵀ · grad."""
        result = grad.new_empty(weight.shape[1], grad.shape[1])
        for run in self.columns:
            part = weight[run.meets, run.lines]
            torch.mm(part.mT, grad[run.meets], out=result[run.lines])
        return result


def _runs(mask: Tensor) -> tuple[Run, ...]:
    """Cut the first axis evenly, and find what each part meets of the second."""
    count = min(MOST, max(1, len(mask) // LEAST))
    edges = [len(mask) * i // count for i in range(count + 1)]
    return tuple(_run(mask, start, stop) for start, stop in pairwise(edges))


def _run(mask: Tensor, start: int, stop: int) -> Run:
    met = mask[start:stop].any(0).nonzero().flatten().tolist() or [0]
    size = (stop - start) * (met[-1] + 1 - met[0])
    return Run(slice(start, stop), slice(met[0], met[-1] + 1), size)
