"""Forward and backward passes in plain torch: blocks of steps side by side, for accelerators."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from zoo_core.interfaces.ragged import Ragged


@final
@dataclass(frozen=True, eq=False)
class Steps:
    """Sequences end to end as one chain that starts anew at each `fresh` step.

    `initial [S]` and `transition [S, S]` are probabilities, none of the latter so small that a
    product could vanish; `b [T, S]` is p(x_t | z_t) times exp(−shift_t).
    """

    initial: Float[Tensor, " s"]
    transition: Float[Tensor, "s s"]
    b: Float[Tensor, "*t s"]
    shift: Float[Tensor, "*t"]
    fresh: Bool[Tensor, "*t"]

    @classmethod
    def of(
        cls, log_initial: Tensor, log_transition: Tensor, log_emission: Tensor, lengths: Tensor
    ) -> Steps:
        """Scale each step by its largest probability; one that is impossible has a shift of −∞."""
        shift = log_emission.amax(1)
        b = (log_emission - shift[:, None]).exp().nan_to_num(nan=1.0)
        fresh = torch.zeros_like(shift, dtype=torch.bool)
        fresh[(lengths.cumsum(0) - lengths)[lengths > 0]] = True
        return cls(log_initial.exp(), log_transition.exp(), b, shift, fresh)

    def blocks(self) -> Steps:
        """Cut into about √T blocks of √T steps, `[blocks, length]`; steps are added to fill up."""
        length = max(1, math.isqrt(len(self.b)))
        missing, shape = -len(self.b) % length, (-1, length)
        b = torch.cat([self.b, self.b.new_ones(missing, self.b.shape[1])])
        shift = torch.cat([self.shift, self.shift.new_zeros(missing)])
        fresh = torch.cat([self.fresh, self.fresh.new_ones(missing)])
        return Steps(
            *(self.initial, self.transition),
            b.view(*shape, b.shape[1]),
            shift.view(shape),
            fresh.view(shape),
        )


def log_prob(steps: Steps, lengths: Int64[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Give log p(x) of each sequence."""
    return _per_sequence(steps, filtered(steps)[1], lengths)


def filtered(steps: Steps) -> tuple[Float[Tensor, "t s"], Float[Tensor, " t"]]:
    """Give p(z_t | x_1 … x_t), and Σ_j p(z_t = j, x_t | x_1 … x_t−1) exp(−shift_t).

    First the product of each block's matrices, all blocks side by side; then the filter at each
    block's beginning, one block after another; then the blocks' own filters side by side.
    """
    cut, total = steps.blocks(), len(steps.b)
    alpha, norms = _within(cut, _entries(cut, _products(cut)))
    return alpha.flatten(0, 1)[:total], norms.flatten()[:total]


def posterior(
    steps: Steps, lengths: Int64[Tensor, " n"], weight: Float[Tensor, " n"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, "t s"], Float[Tensor, "s s"]]:
    """Give log p(x) a sequence, weight · p(z_t | x) a step, and the expected moves."""
    cut, total = steps.blocks(), len(steps.b)
    products = _products(cut)
    alpha, norms = _within(cut, _entries(cut, products))
    states, later = _smoothed(cut, alpha, _exits(cut, products))
    per_step = torch.repeat_interleave(weight, lengths)[:, None]
    previous = alpha.flatten(0, 1)[: total - 1]
    moved = later.flatten(0, 1)[1:total] * per_step[1:] * ~steps.fresh[1:, None]
    log_prob = _per_sequence(steps, norms.flatten()[:total], lengths)
    moves = steps.transition * (previous.T @ moved)
    return log_prob, states.flatten(0, 1)[:total] * per_step, moves


def _per_sequence(steps: Steps, norms: Tensor, lengths: Tensor) -> Tensor:
    """Add up the steps' logarithms."""
    logs = steps.shift + norms.log()
    return Ragged(logs, lengths).segment_sum(logs)


def _smoothed(cut: Steps, alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
    """Smooth the blocks side by side; give b · beta too, scaled so that moves are shares."""
    states, later = torch.empty_like(alpha), torch.empty_like(alpha)
    previous = alpha.flatten(0, 1).roll(1, 0).view(alpha.shape)
    for t in reversed(range(alpha.shape[1])):
        share = alpha[:, t] * beta
        states[:, t] = share / share.sum(1, keepdim=True)
        beta, later[:, t] = _back(cut, t, beta, previous[:, t])
    return states, later


def _products(cut: Steps) -> Float[Tensor, "blocks s s"]:
    """Multiply the matrices of each block's steps, up to a factor a block."""
    states = len(cut.initial)
    product = torch.eye(states, dtype=cut.b.dtype, device=cut.b.device).expand(len(cut.b), -1, -1)
    for t in range(cut.b.shape[1]):
        product = _moved(cut, t, product) * cut.b[:, t, None]
        product = product / product.amax((1, 2), keepdim=True)
    return product


def _moved(cut: Steps, t: int, rows: Tensor) -> Tensor:
    """Take rows `[blocks, …, S]` of probabilities a step on; a fresh step forgets."""
    fresh = cut.fresh[:, t].view(-1, *[1] * (rows.ndim - 1))
    anew = rows.sum(-1, keepdim=True) * cut.initial
    return torch.where(fresh, anew, rows @ cut.transition)


def _entries(cut: Steps, products: Tensor) -> Float[Tensor, "blocks s"]:
    """Give the filter before each block's first step."""
    rows = [cut.initial]
    for product in products[:-1]:
        row = rows[-1] @ product
        rows.append(row / row.sum())
    return torch.stack(rows)


def _exits(cut: Steps, products: Tensor) -> Float[Tensor, "blocks s"]:
    """Give beta after each block's last step, up to a factor a block."""
    columns = [torch.ones_like(cut.initial)]
    for product in products[1:].flip(0):
        column = product @ columns[-1]
        columns.append(column / column.amax())
    return torch.stack(columns[::-1])


def _within(cut: Steps, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Filter the blocks side by side from what came before each."""
    filters, norms = torch.empty_like(cut.b), cut.b.new_empty(cut.fresh.shape)
    for t in range(cut.b.shape[1]):
        alpha = _moved(cut, t, alpha) * cut.b[:, t]
        norms[:, t] = alpha.sum(1)
        alpha = alpha / norms[:, t, None]
        filters[:, t] = alpha
    return filters, norms


def _back(cut: Steps, t: int, beta: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Take beta a step back; give it with b · beta, both such that Σ before · beta = 1."""
    later = cut.b[:, t] * beta
    anew = (later @ cut.initial)[:, None].expand_as(later)
    earlier = torch.where(cut.fresh[:, t, None], anew, later @ cut.transition.T)
    norm = (before * earlier).sum(1, keepdim=True)
    return earlier / norm, later / norm
