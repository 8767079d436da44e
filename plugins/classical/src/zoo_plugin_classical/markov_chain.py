"""MarkovChain: how a chain of hidden states begins and moves."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_core.errors import DataError, UnsupportedError

LEAST = 1e-38
"""What a learnt probability is at least, so that no data are ever called impossible for it."""


@final
class Topology(StrEnum):
    """Which moves between states there are.

    `ergodic`: all. `left-right`: from a state to itself or any later one, beginning in the first
    (Rabiner 1989, eqs. 45 and 46). `linear`: to itself or the next one, likewise.
    """

    ERGODIC = "ergodic"
    LEFT_RIGHT = "left-right"
    LINEAR = "linear"

    def moves(self, states: int) -> tuple[tuple[bool, ...], ...]:
        """Say of each move i → j whether there is one."""
        furthest = {"ergodic": states, "left-right": states, "linear": 1}[self]
        nearest = -states if self is Topology.ERGODIC else 0
        return tuple(
            tuple(nearest <= j - i <= furthest for j in range(states)) for i in range(states)
        )


@final
class MarkovChain(nn.Module):
    """Probabilities of the first state and of each move, as logits that gradients may train too.

    A Dirichlet prior has `initial_prior` and `transition_prior` (one number, or one a move) as its
    concentrations, at least 1; 1 is none. What `allowed` forbids has the probability 0 for ever.
    """

    def __init__(
        self,
        allowed: tuple[tuple[bool, ...], ...],
        begins: tuple[bool, ...],
        initial_prior: float,
        transition_prior: float | tuple[tuple[float, ...], ...],
    ) -> None:
        super().__init__()
        self.allowed, self.begins = allowed, begins
        self.initial_prior, self.transition_prior = initial_prior, transition_prior
        states = len(begins)
        self.initial_logits = nn.Parameter(torch.randn(states))
        self.transition_logits = nn.Parameter(torch.randn(states, states))

    @property
    def log_initial(self) -> Float[Tensor, " s"]:
        """Give log p(z_1)."""
        return _masked(self.initial_logits, self.begins).log_softmax(-1)

    @property
    def log_transition(self) -> Float[Tensor, "s s"]:
        """Give log p(z_t+1 | z_t), a row for each z_t."""
        return _masked(self.transition_logits, self.allowed).log_softmax(-1)

    @property
    def free_parameters(self) -> tuple[int, int]:
        """How many numbers are free in the first state's probabilities, and in the moves'."""
        return sum(self.begins) - 1, sum(sum(row) - 1 for row in self.allowed)

    @torch.no_grad()
    def set(self, initial: Tensor | None = None, transition: Tensor | None = None) -> None:
        """Set probabilities, or what is in proportion to them; a 0 stays one under EM."""
        if initial is not None:
            self.initial_logits.copy_(initial.log())
        if transition is not None:
            self.transition_logits.copy_(transition.log())

    def checked_initial(self, shares: Any) -> Float[Tensor, " s"]:
        """Check probabilities of the first state. Raises DataError."""
        return _checked("initial", shares, torch.tensor(self.begins)).to(self.initial_logits.device)

    def checked_transition(self, shares: Any) -> Float[Tensor, "s s"]:
        """Check probabilities of moves. Raises DataError."""
        rows = _checked("transition", shares, torch.tensor(self.allowed))
        return rows.to(self.initial_logits.device)

    @torch.no_grad()
    def stationary(self) -> Float[Tensor, " s"]:
        """Solve π = π A in float64. Raises UnsupportedError where there are several solutions."""
        matrix = self.log_transition.to(torch.float64).exp().cpu()
        balance = matrix.T - torch.eye(len(matrix)).double()
        if int(torch.linalg.matrix_rank(balance)) < len(matrix) - 1:
            raise UnsupportedError(
                "A chain has one stationary distribution where one part of it can't be left",
                received="several such parts",
                remedy="Ask for forecast(x, steps) instead.",
            )
        system = torch.cat([balance, torch.ones(1, len(matrix)).double()])
        target = torch.cat([torch.zeros(len(matrix), 1), torch.ones(1, 1)]).double()
        shares = torch.linalg.lstsq(system, target).solution[:, 0].clamp_min(0)
        return (shares / shares.sum()).to(self.initial_logits.device)

    @torch.no_grad()
    def update_initial(self, counts: Float[Tensor, " s"]) -> None:
        """Set the first state's probabilities from expected counts; without any they stay."""
        _update(self.initial_logits, self.log_initial, counts + (self.initial_prior - 1))

    @torch.no_grad()
    def update_transition(self, counts: Float[Tensor, "s s"]) -> None:
        """Set the moves' probabilities from expected counts; a state never left keeps its row."""
        _update(self.transition_logits, self.log_transition, counts + (self._concentration() - 1))

    def log_prior(self) -> Tensor:
        """Give the log-density of the Dirichlet priors, up to a constant."""
        initial, transition = self.log_initial, self.log_transition
        first = (self.initial_prior - 1) * initial.masked_fill(initial.isinf(), 0.0).sum()
        moves = (self._concentration() - 1) * transition.masked_fill(transition.isinf(), 0.0)
        return (first + moves.sum()).to(initial.dtype)

    def _concentration(self) -> Tensor:
        return torch.as_tensor(
            self.transition_prior, dtype=torch.float64, device=self.initial_logits.device
        )


def _checked(name: str, given: Any, allowed: Tensor) -> Tensor:
    """Check probabilities that a user gives."""
    shares = torch.as_tensor(given, dtype=torch.float64).cpu()
    if shares.shape != allowed.shape:
        raise DataError(
            f"{name} has the shape {list(allowed.shape)}", received=f"{list(shares.shape)}"
        )
    total = shares.sum(-1)
    good = bool((shares >= 0).all()) and torch.allclose(total, torch.ones_like(total), atol=1e-5)
    if not good or bool((shares[~allowed] > 0).any()):
        raise DataError(
            f"{name} has probabilities that add up to 1, 0 for what the topology forbids",
            received=f"rows that add up to {total.flatten().tolist()[:8]}",
        )
    return shares


def _masked(logits: Tensor, allowed: tuple[Any, ...]) -> Tensor:
    """Forbid what is not allowed."""
    if all(all(row) if isinstance(row, tuple) else row for row in allowed):
        return logits
    return logits.masked_fill(~torch.tensor(allowed, device=logits.device), -torch.inf)


def _update(logits: Tensor, log_present: Tensor, counts: Tensor) -> None:
    """Set probabilities to shares of counts; what has the probability 0 keeps it."""
    counts = torch.where(log_present.isinf(), 0.0, counts.to(torch.float64))
    total = counts.sum(-1, keepdim=True)
    shares = (counts / total.where(total > 0, 1.0)).clamp_min(LEAST).log()
    kept = log_present.isinf() | (total <= 0)
    logits.copy_(torch.where(kept, logits.double(), shares))
