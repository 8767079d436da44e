"""Told steps: which steps of sequences a model is told, and the law of the others given these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.conformance.subject import Subject
from zoo_core.conformance.target import Target
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import provided
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space

_FEW_WAYS = 512
"""So many ways to go on two steps are listed; of more, those of one step."""


def first_steps(x: Ragged, numbers: Tensor) -> Ragged:
    """Mark the first steps of each sequence, so many of each."""
    pairs = zip(x, numbers.tolist(), strict=True)
    return Ragged.of([marked(torch.arange(len(row)) < number, row) for row, number in pairs])


def every_second(x: Ragged, first: int) -> Ragged:
    """Mark every second step of each sequence, from the step of this number on."""
    return Ragged.of([marked(torch.arange(len(row)) % 2 == first, row) for row in x])


def marked(steps: Tensor, row: Tensor) -> Tensor:
    """Repeat a mark a step `[length]` for every entry of the step."""
    return steps.reshape(-1, *[1] * (row.ndim - 1)).expand(row.shape)


def supported(attempt: Callable[[], object]) -> bool:
    """Make an attempt; say whether the model knows such steps. Not all know any of them."""
    try:
        attempt()
    except UnsupportedError:
        return False
    return True


def steps_to_go(space: Space) -> int:
    """Say after how many steps the ways to go on are looked at."""
    levels = space.n_levels
    return 2 if levels is not None and levels ** (2 * space.size) <= _FEW_WAYS else 1


@final
class Rest:
    """The steps of one sequence that aren't told, under the subject's first condition.

    `told` marks steps `[length]`. With `beside`, another sequence of which the same number of
    last steps isn't told, samples of both are drawn in turn, in one call.
    """

    def __init__(
        self, subject: Subject, row: Tensor, told: Tensor, beside: tuple[Tensor, Tensor] | None
    ) -> None:
        self._subject, self._row, self._told = subject, row, told
        self._drawn = [(row, told)] if beside is None else [(row, told), beside]

    def log_prob(self, rest: Tensor, *, given: bool = True) -> Tensor:
        """Score `rest [n, free, *step]` given what is told, or together with it."""
        model: Any = self._subject.exact
        n, length = len(rest), len(self._row)
        whole = self._row.to(rest.dtype).repeat(n, *[1] * self._row.ndim)
        whole[:, ~self._told] = rest
        x = Ragged(whole.flatten(0, 1), torch.full((n,), length))
        known = marked(self._told, self._row).repeat(n, *[1] * (self._row.ndim - 1))
        observed = Ragged(known, x.lengths) if given else None
        return model.log_prob(x, observed=observed, condition=self._subject.condition())

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw `[n, free, *step]` given what is told."""
        model: Any = self._subject.exact
        every = n * len(self._drawn)
        rows = [self._drawn[i % len(self._drawn)] for i in range(every)]
        made = model.sample(
            every,
            observed=_observed(rows),
            condition=self._subject.condition(),
            lengths=torch.tensor([len(row) for row, _ in rows]),
            rng=rng,
        )
        return torch.stack(list(made)[:: len(self._drawn)])[:, ~self._told]

    def target(self) -> Target:
        """Give the law as a Target."""
        space, free = self._subject.model.space, int((~self._told).sum())

        def log_prob(rest: Tensor) -> Tensor:
            with torch.no_grad():
                return self.log_prob(rest).double()

        return Target(
            log_prob,
            self.log_prob,
            self.sample if provided(self._subject.model, Generator) else None,
            Space(kind=space.kind, shape=(free, *space.shape), levels=space.levels),
        )


def _observed(rows: list[tuple[Tensor, Tensor]]) -> Observed:
    """Tell sequences the steps that are marked: beginnings as they are, others with a mask."""
    if all(bool((told[:-1] >= told[1:]).all()) for _, told in rows):
        return Observed([row[told] for row, told in rows])
    values = Ragged.of([row for row, _ in rows])
    return Observed(values, Ragged.of([marked(told, row) for row, told in rows]))
