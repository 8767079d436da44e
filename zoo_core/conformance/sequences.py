"""Sequences: data of chosen lengths, for checks of models that go step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.conformance.draws import LENGTH
from zoo_core.conformance.subject import Subject
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import provided
from zoo_core.interfaces.ragged import Ragged


@final
@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences with a raw condition each; None of a model that takes none."""

    x: Ragged
    condition: Any

    @staticmethod
    def of(subject: Subject, lengths: tuple[int, ...], purpose: str) -> Sequences:
        """Give sequences of these lengths: beginnings of longer ones.

        They are the model's own where it makes any, since others may have no probability at all.
        """
        n, longest = len(lengths), max(lengths)
        condition = subject.conditions(n, purpose)
        if provided(subject.model, Generator):
            rng = subject.rng(f"sequences for {purpose}")
            made = subject.model.sample(n, condition=condition, lengths=longest, rng=rng)
        else:
            made = subject.foreign_rows(math.ceil(n * longest / LENGTH), purpose)
        steps = made.values if isinstance(made, Ragged) else made
        rows = steps[: n * longest].split(longest)
        return Sequences(Ragged.of(list(rows)), condition).beginnings(torch.tensor(lengths))

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Tensor) -> Sequences:
        """Give the chosen ones."""
        every = list(self.x)
        chosen = Ragged.of([every[row] for row in rows.tolist()])
        return Sequences(chosen, None if self.condition is None else self.condition[rows])

    def single(self) -> list[Sequences]:
        """Give each on its own."""
        return [self.take(torch.tensor([row])) for row in range(len(self))]

    def beginnings(self, lengths: Tensor) -> Sequences:
        """Give the first steps of each."""
        return self.pieces(torch.zeros_like(lengths), lengths)

    def pieces(self, starts: Tensor, lengths: Tensor) -> Sequences:
        """Give some steps of each from its own start on."""
        spans = zip(self.x, starts.tolist(), lengths.tolist(), strict=True)
        cut = [row[start : start + length] for row, start, length in spans]
        return Sequences(Ragged.of(cut), self.condition)
