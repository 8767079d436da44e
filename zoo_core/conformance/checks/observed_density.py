"""Checks of log_prob given a part of the row: it is the conditional density of the rest."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import both, density_is, observes
from zoo_core.conformance.slices import Figure, log_total
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityKind

_ROWS, _STEPS = 6, 3
_ROUNDING = 1e-7
"""Relative, in double precision."""
_TOLERANCE = 1e-3


def _arrays(subject: Subject) -> bool:
    return not subject.model.space.ragged


_scores_the_rest = both(observes, _arrays, density_is(DensityKind.EXACT))


@check(claimed=_scores_the_rest)
def observing_all_or_nothing_is_trivial(subject: Subject) -> None:
    """Given the whole row log_prob is 0, and given nothing of it what it is without `observed`.

    Six rows that the model didn't make, in double precision beyond rounding; the mask once for
    all rows and once for each.
    """
    x = _row_data(subject)
    told, nothing = subject.condition(), torch.zeros(x.shape[1:], dtype=torch.bool)
    plain = _figure(subject, None, told)(x)
    for mask in (nothing, nothing.expand(x.shape)):
        for known, wanted in ((mask, plain), (~mask, torch.zeros_like(plain))):
            seen = _figure(subject, known, told)(x)
            if not close(seen, wanted, _ROUNDING):
                raise ConformanceError(
                    "log p(rest | observed) is 0 where all is observed, log p(x) where nothing is",
                    received=f"{seen[:3].tolist()} for {wanted[:3].tolist()}",
                    remedy="Score the entries alone where call.observed is False.",
                )


@check(claimed=_scores_the_rest)
def the_rest_is_scored_given_what_is_observed(subject: Subject) -> None:
    """log_prob with `observed` is log p(rest, observed) − log ∫ p, over the rest, of both.

    Entries are told one by one, in a random order, up to three. By the chain rule, what a figure
    falls by when entry j is told too is log p(j | those before): it doesn't know of the entries
    that come later, beyond rounding, and integrates (sums, for codes) to 1 over entry j, to
    1e-3; with the whole row told, 0 is left. So each figure is the conditional density, and no
    integral is over more than one entry. In double precision, on a row that the model didn't
    make and others.
    """
    x, space = _row_data(subject), subject.model.space
    order = torch.randperm(space.size, generator=subject.rng("order"))
    known = torch.zeros(space.size, dtype=torch.bool)
    for entry in order[:_STEPS].tolist():
        step = step_of(subject, known, entry, subject.condition())
        others = x.flatten(1).clone()
        known[entry] = True
        others[:, known] = others[:1, known]
        drops = step(others.reshape(x.shape))
        if not close(drops, drops[:1].expand_as(drops), _ROUNDING):
            _not_conditional(f"{drops[:3].tolist()} where only later entries differ")
        total = log_total(step, x[0], entry, space, subject.rng(f"entry {entry}"))
        if not abs(total) <= _TOLERANCE:
            _not_conditional(f"a total of {torch.tensor(total).exp():.6g} over one entry")


def step_of(subject: Subject, known: Tensor, entry: int, told: Any) -> Figure:
    """Give log p(entry | known entries `[d]`), as the drop of a figure when it is told too."""
    shape = subject.model.space.shape
    more = known.clone()
    more[entry] = True
    masks = known.clone().reshape(shape), more.reshape(shape)
    before, after = (_figure(subject, mask, told) for mask in masks)
    return lambda x: before(x) - after(x)


def _figure(subject: Subject, observed: Tensor | None, told: Any) -> Figure:
    model: Any = subject.exact

    def figure(x: Tensor) -> Tensor:
        with torch.no_grad():
            return model.log_prob(x, condition=told, observed=observed)

    return figure


def _row_data(subject: Subject) -> Tensor:
    x: Any = subject.foreign_rows(_ROWS, "observed")
    return x if subject.model.space.kind.discrete else x.double()


def _not_conditional(received: str) -> None:
    raise ConformanceError(
        "log_prob(x, observed=mask) is log p(rest | observed)",
        received=received,
        remedy="Subtract the log-density of the observed part from that of the row.",
    )


CHECKS = (observing_all_or_nothing_is_trivial, the_rest_is_scored_given_what_is_observed)
