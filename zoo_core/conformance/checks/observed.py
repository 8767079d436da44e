"""Checks of samples of which a part is told: it is kept, and the rest goes with it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.checks.generator import drawn
from zoo_core.conformance.claims import both, density_is, is_generator, observes
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.statistics.rank_tests import matrix, projections, ranks_of, swapped
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.space import Kind


def _arrays(subject: Subject) -> bool:
    return not subject.model.space.ragged


@check(claimed=both(is_generator, observes, _arrays))
def observed_values_are_kept(subject: Subject) -> None:
    """What is observed stands in the samples to the bit, and the rest is drawn.

    Told are values of the space that the model didn't make: those of one row for six samples,
    and six rows with a mask each. Of floating spaces the unobserved entries differ from row to
    row.
    """
    masks = _mask(subject).expand(6, *subject.model.space.shape).clone()
    masks[::2] = ~masks[::2]
    values: Any = subject.foreign_rows(6, "observed")
    told = (Observed(values[0], masks[1]), Observed(values, masks))
    for observed in told:
        x: Any = drawn(subject, 6, subject.rng("observed"), observed=observed)
        mask, wanted = observed.mask.expand(x.shape), observed.values.expand(x.shape)
        if not same(x[mask], wanted[mask].to(x.dtype)):
            raise ConformanceError(
                "Observed values are kept to the bit",
                received=f"{x[mask][:3].tolist()} for {wanted[mask][:3].tolist()}",
                remedy="Keep call.observed.values where call.observed.mask is True.",
            )
        first, third = x[0][~mask[0]], x[2][~mask[2]]
        if subject.model.space.kind is Kind.REAL and len(first) and same(first, third):
            raise ConformanceError(
                "What isn't observed is drawn for each sample",
                received=f"{first[:3].tolist()} twice",
                remedy="Draw the entries where call.observed.mask is False.",
            )


@check(claimed=both(is_generator, observes, _arrays, density_is(DensityKind.EXACT)))
def the_rest_follows_what_is_observed(subject: Subject) -> Evidence:
    """Samples told a part of a row follow the density of the rest given that part.

    Half the entries of each of 256 rows of the model are told, of every other row the other half,
    and the rest is drawn again: given what is told, old and new are draws of one law, so that
    swapping them changes nothing. The old rest minus the new one, alone and times what was told,
    is as likely negative as positive. A model that draws the rest as if nothing was told is
    caught with probability > .99 at a correlation of .8, and .75 at .6.
    """
    mask = _mask(subject)
    if bool(mask.all()):
        raise Skip("a sample has one entry, which leaves no rest")
    old: Any = drawn(subject, 256, subject.rng("old"))
    masks = torch.stack([mask, ~mask]).repeat(128, *[1] * mask.ndim)
    # Where nothing is told, values say nothing: another row's stand there.
    values = torch.where(masks, old, old.roll(1, 0))
    new: Any = drawn(subject, 256, subject.rng("new"), observed=Observed(values, masks))
    p_values = {}
    for first, told in enumerate((mask.flatten(), ~mask.flatten())):
        pair = matrix(old)[first::2], matrix(new)[first::2]
        p_values |= _symmetry(*pair, told, subject.rng(f"ranks {first}"), f"half {first}")
    return Evidence(p_values)


def _mask(subject: Subject) -> Tensor:
    """Mark half of a sample's entries; of an only one, that one."""
    size = subject.model.space.size
    chosen = torch.randperm(size, generator=subject.rng("mask")) < max(1, size // 2)
    return chosen.reshape(subject.model.space.shape)


def _symmetry(
    old: Tensor, new: Tensor, told: Tensor, rng: torch.Generator, name: str
) -> dict[str, float]:
    """Test that old and new rest may be swapped, given what was told."""
    known = projections(old[:, told], rng)[:, -1]
    rest = projections(torch.cat([old[:, ~told], new[:, ~told]]), rng)[:, -1]
    distance = ranks_of(rest.abs()[:, None], rng)[:, 0]
    location, spread = (r[: len(old)] - r[len(old) :] for r in (rest, distance))
    return {
        f"location, {name}": swapped(location),
        f"spread, {name}": swapped(spread),
        f"dependence, {name}": swapped(known * location),
        f"dependence of spread, {name}": swapped((known.abs() - 0.5) * spread),
    }


CHECKS = (observed_values_are_kept, the_rest_follows_what_is_observed)
