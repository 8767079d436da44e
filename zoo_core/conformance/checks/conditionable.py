"""Checks of Conditionable: the mean of a part of a row given the rest, and nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close, same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.checks.observed_density import step_of
from zoo_core.conformance.claims import both, density_is, is_generator, provides
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.slices import centre
from zoo_core.conformance.statistics import fit
from zoo_core.conformance.statistics.rank_tests import matrix, projections
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.call import Observed, hidden
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.space import Kind

_ROWS, _DRAWS, _STEPS = 6, 1024, 3
_ROUNDING = 1e-7
"""Relative, in double precision."""
_TOLERANCE = 2e-3

_conditions = provides(Conditionable)


@check(claimed=_conditions)
def a_conditional_mean_knows_what_is_known(subject: Subject) -> None:
    """conditional_mean keeps the known values, and depends on them alone, each row by itself.

    Six rows in double precision, of which nothing is known, more and more, and all: what is
    known stands in the mean to the bit, and every entry is finite; other values in the unknown
    places, NaN and −1 among them, change nothing; a row alone has the mean that it has among
    others, beyond rounding; a row of which all is known is its own mean; `imputed` gives the mean
    of what isn't missing.
    """
    model: Any = subject.exact
    x, told = _rows(subject, _ROWS), subject.conditions(_ROWS, "conditionable")
    mask = _growing(subject)

    def mean(values: Tensor, known: Tensor, rows: slice = slice(None)) -> Tensor:
        condition = None if told is None else told[rows]
        return model.conditional_mean(Observed(values[rows], known[rows]), condition=condition)

    found = mean(x, mask)
    if not same(found[mask], x[mask].to(found.dtype)) or not bool(found.isfinite().all()):
        _wrong("what is known stands in it, and every entry is finite", found[0].tolist())
    absent = hidden(x, ~mask)
    alone = torch.cat([mean(x, mask, slice(i, i + 1)) for i in range(_ROWS)])
    for what, other in (
        ("other values where nothing is known", mean(torch.where(mask, x, x.roll(1, 0)), mask)),
        ("missing values where nothing is known", mean(absent, mask)),
        ("each row alone", alone),
        ("imputed(x)", model.imputed(absent, condition=told)),
    ):
        if not close(other, found, _ROUNDING):
            _wrong(f"it is the same for {what}", f"{other[0].tolist()} for {found[0].tolist()}")
    if not same(mean(x, torch.ones_like(mask)), x.to(found.dtype)):
        _wrong("a row that is known is its own", "another")


@check(claimed=both(_conditions, density_is(DensityKind.EXACT)))
def a_conditional_mean_is_that_of_the_density(subject: Subject) -> None:
    """conditional_mean is the mean of p(entry | known), as log_prob with `observed` gives it.

    Of a row that the model didn't make nothing is known, then one entry more and another, in a
    random order, up to three; the mean of the next one is an integral (a sum, for codes) over
    that entry alone, and agrees to 2e-3; categories have their most probable one. In double
    precision, under one condition, and where a class may be unknown under none.
    """
    model: Any = subject.exact
    x, space = _rows(subject, 1), subject.model.space
    order = torch.randperm(space.size, generator=subject.rng("order"))
    for told in _told(subject):
        known = torch.zeros(space.size, dtype=torch.bool)
        for entry in order[:_STEPS].tolist():
            step, rng = step_of(subject, known, entry, told), subject.rng(f"entry {entry}")
            wanted = centre(step, x[0], entry, space, rng)
            mask = known.reshape(space.shape)
            mean = model.conditional_mean(Observed(x, mask), condition=told)
            seen = float(mean.flatten()[entry])
            if not abs(seen - wanted) <= _TOLERANCE * (1 + abs(wanted)):
                _wrong(
                    "it is the mean of the conditional density",
                    f"{seen:.6g} for {wanted:.6g} with {int(known.sum())} entries known",
                )
            known[entry] = True


@check(claimed=both(_conditions, is_generator))
def draws_given_a_part_have_the_conditional_mean(subject: Subject) -> Evidence:
    """Samples told a part of a row have the conditional mean in the rest, whatever was told.

    1024 rows of the model: of each half the entries are told, of every other row the other half,
    and the rest is drawn again; and 1024 are drawn that are told nothing. What is drawn less its
    mean, by a random projection of the entries, is zero on average, and so it is times a
    projection of what was told (normal, by the sum of squares). A mean as if nothing was told is
    caught with probability > .99 at a correlation of .3. Categories have no mean and are left out.
    """
    spaces = subject.model.space.entry_spaces
    if all(entry.kind is Kind.CATEGORICAL for entry in spaces):
        raise Skip("categories have no mean")
    model: Any = subject.exact
    told = list(_told(subject))[-1]
    old = model.sample(_DRAWS, condition=told, rng=subject.rng("old"))
    half, nothing = _masks(subject, _DRAWS), torch.zeros(old.shape, dtype=torch.bool)
    gaps, least = _gaps(subject, Observed(old, half), told)
    p_values = {
        "mean, half told": _zero(gaps, least),
        "mean, nothing told": _zero(*_gaps(subject, Observed(old, nothing), told)),
    }
    for first in (0, 1):
        part = half[first].flatten()
        if bool(part.any()):
            known = matrix(old)[first::2][:, part]
            ranks = projections(known, subject.rng(f"ranks {first}"))[:, -1]
            p = _zero(gaps[first::2] * ranks, least[first::2] * ranks.square())
            p_values[f"dependence, half {first}"] = p
    return Evidence(p_values, received=f"{_DRAWS} draws")


def _gaps(subject: Subject, observed: Observed, told: Any) -> tuple[Tensor, Tensor]:
    """Draw the rest of each row, and project what it is less its mean, `[n]`.

    Beside it the least variance that it can have: a whole number of mean m has one of f(1 − f)
    at least, f being m's fraction. So codes too rare to be drawn at all tell nothing.
    """
    model: Any = subject.exact
    spaces, n = model.space.entry_spaces, len(observed.values)
    rng = subject.rng(f"draws told {float(observed.mask.double().mean()):.2f}")
    new = model.sample(n, condition=told, observed=observed, rng=rng)
    mean = matrix(model.conditional_mean(observed, condition=told))
    counted = torch.tensor([entry.kind is not Kind.CATEGORICAL for entry in spaces])
    whole = torch.tensor([entry.kind.discrete for entry in spaces])
    rest = counted & ~observed.mask.flatten(1)
    gap, fraction = (matrix(new) - mean) * rest, mean - mean.floor()
    spread = (gap.square().sum(0) / rest.sum(0).clamp_min(1)).sqrt().clamp_min(1e-6)
    direction = torch.randn(len(spaces), generator=rng, dtype=gap.dtype) / spread
    least = fraction * (1 - fraction) * whole * rest
    return gap @ direction, least @ direction.square()


def _zero(residual: Tensor, least: Tensor) -> float:
    """Test that independent numbers `[n]` have the mean 0, by their sum over its deviation."""
    variance = torch.maximum(residual.square().sum(), least.sum())
    if variance == 0:
        return 1.0
    return fit.normal(float(residual.sum() / variance.sqrt()))


def _told(subject: Subject) -> Iterator[Any]:
    """Give one condition, and none where a model sums it out."""
    yield subject.condition()
    if subject.model.is_conditional and not subject.model.is_given and subject.model.marginalizes:
        yield None


def _rows(subject: Subject, n: int) -> Tensor:
    x: Any = subject.foreign_rows(n, "conditionable")
    return x if subject.model.space.kind.discrete else x.double()


def _growing(subject: Subject) -> Tensor:
    """Mark entries in a random order for each row: none in the first, all in the last."""
    shape, size = subject.model.space.shape, subject.model.space.size
    order = torch.rand(_ROWS, size, generator=subject.rng("growing")).argsort(1).argsort(1)
    count = size * torch.arange(_ROWS)[:, None] / (_ROWS - 1)
    return (order < count.round()).reshape(_ROWS, *shape)


def _masks(subject: Subject, n: int) -> Tensor:
    """Mark half of a row's entries, and of every other row the other half, `[n, *shape]`."""
    shape, size = subject.model.space.shape, subject.model.space.size
    chosen = torch.randperm(size, generator=subject.rng("mask")) < (size + 1) // 2
    pair = torch.stack([chosen, ~chosen]).reshape(2, *shape)
    return pair.repeat((n + 1) // 2, *[1] * len(shape))[:n]


def _wrong(rule: str, received: object) -> None:
    raise ConformanceError(
        f"Of conditional_mean, {rule}",
        received=received,
        remedy="Give E[x | values where the mask is True] of each row by itself.",
    )


CHECKS = (
    a_conditional_mean_knows_what_is_known,
    a_conditional_mean_is_that_of_the_density,
    draws_given_a_part_have_the_conditional_mean,
)
