"""KnownStates: states of some steps that are told, so that a fit is semi-supervised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError


@final
@dataclass(frozen=True, eq=False)
class KnownStates:
    """A state a step of sequences end to end, −1 where it is unknown; an option of statistics."""

    states: Int64[Tensor, " t"]

    @classmethod
    def of(cls, states: Any, data: Any, n_states: int) -> Self:
        """Check states against the data that they are told beside. Raises DataError."""
        if not isinstance(data, zoo.Batch) or not isinstance(data.x, zoo.Ragged):
            raise DataError(
                "States are told beside data that are given at once",
                received="states= beside data that are read batch by batch",
            )
        if not isinstance(states, zoo.Ragged):
            raise DataError(
                "states is a Ragged with a state a step",
                received=type(states).__name__,
                remedy="Give Ragged(states, x.lengths), -1 where a state is unknown.",
            )
        if not torch.equal(states.lengths.cpu(), data.x.lengths.cpu()):
            raise DataError(
                "states has a state for each step of the data",
                received=f"lengths {states.lengths.tolist()[:8]} for {data.x.lengths.tolist()[:8]}",
            )
        values = states.values
        whole = values.ndim == 1 and not values.is_floating_point()
        if not whole or not bool(((values >= -1) & (values < n_states)).all()):
            raise DataError(
                f"States are whole numbers 0 … {n_states - 1}, or -1 where unknown",
                received=f"{values.dtype} of shape {list(values.shape)}",
            )
        return cls(values.to(torch.int64))

    def to(self, device: torch.device) -> KnownStates:
        """Move to a device."""
        return KnownStates(self.states.to(device))

    def told(self, log_emission: Float[Tensor, "t s"]) -> Float[Tensor, "t s"]:
        """Forbid every state but the one that a step is known to have."""
        known = self.states[:, None]
        others = torch.arange(log_emission.shape[1], device=known.device) != known
        return log_emission.masked_fill(others & (known >= 0), -torch.inf)

    def counts(
        self, lengths: Int64[Tensor, " n"], n_states: int
    ) -> tuple[Float[Tensor, " s"], Float[Tensor, "s s"]]:
        """Count the known first states, and the moves between steps both of which are known."""
        first = torch.zeros_like(self.states, dtype=torch.bool)
        first[(lengths.cumsum(0) - lengths)[lengths > 0]] = True
        known = self.states >= 0
        initial = torch.bincount(self.states[first & known], minlength=n_states)
        pairs = (known & known.roll(1) & ~first).nonzero()[:, 0]
        codes = self.states[pairs - 1] * n_states + self.states[pairs]
        moves = torch.bincount(codes, minlength=n_states**2).view(n_states, n_states)
        return initial.double(), moves.double()
