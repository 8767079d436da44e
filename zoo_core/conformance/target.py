"""Target: a density under test, whoever it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.conformance.draws import LENGTH
from zoo_core.conformance.subject import Subject
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space


@final
@dataclass(frozen=True, eq=False)
class Target:
    """Log-probability of rows, perhaps a sampler, and the space of one row.

    `log_prob` takes `[n, *shape]` (floating rows in float64) and gives `[n]` in float64, nats,
    without gradients; `differentiable` is the same with gradients. `sample(n, rng)` gives rows
    as `log_prob` takes them. The space is never ragged: sequences are of one fixed length, which
    is the first entry of the shape.
    """

    log_prob: Callable[[Tensor], Tensor]
    differentiable: Callable[[Tensor], Tensor]
    sample: Callable[[int, torch.Generator], Tensor] | None
    space: Space
    kind: DensityKind = DensityKind.EXACT


def target_of(subject: Subject, which: int | None = 0, **options: Any) -> Target:
    """Take a subject's density under one condition, in double precision, as a Target.

    `which` numbers the condition of a conditional model, None is no condition, for one that sums
    it out; `options` are log_prob's.
    """
    model: Any = subject.exact
    told = None if which is None else subject.condition(which)
    space, ragged = flattened(model.space), model.space.ragged

    def differentiable(x: Tensor) -> Tensor:
        rng = subject.rng("noise of log_prob")
        rows = _ragged(x) if ragged else x
        return model.log_prob(rows, condition=told, rng=rng, **options)

    def log_prob(x: Tensor) -> Tensor:
        with torch.no_grad():
            return differentiable(x).double()

    def sample(n: int, rng: torch.Generator) -> Tensor:
        lengths = LENGTH if ragged else None
        made = model.sample(n, condition=told, lengths=lengths, rng=rng)
        return made.values.reshape(n, *space.shape) if isinstance(made, Ragged) else made

    return Target(
        log_prob,
        differentiable,
        sample if Generator in model.provides else None,
        space,
        model.density_of(**options).kind,
    )


def flattened(space: Space) -> Space:
    """Give the space of one sequence of LENGTH steps; another space as it is."""
    if not space.ragged:
        return space
    fields = {"kind": space.kind, "shape": (LENGTH, *space.shape), "levels": space.levels}
    return Space(**fields, missing=space.missing)


def _ragged(x: Tensor) -> Ragged:
    return Ragged(x.flatten(0, 1), torch.full((len(x),), x.shape[1]))
