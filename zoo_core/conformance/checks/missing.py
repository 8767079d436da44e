"""Checks of missing values: their log_prob is that of the rest, whatever they were."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import both, density_is
from zoo_core.conformance.slices import log_total
from zoo_core.conformance.subject import Subject
from zoo_core.conformance.target import target_of
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityKind

_STEPS = 4
_ROUNDING = 1e-7
"""Relative, in double precision."""
_TOLERANCE = 1e-3


def _lacks_values(subject: Subject) -> bool:
    """Claim to take rows with missing values."""
    return subject.model.space.missing


@check(claimed=both(_lacks_values, density_is(DensityKind.EXACT)))
def missing_entries_are_integrated_out(subject: Subject) -> None:
    """log_prob of a row with missing entries is the log of the integral, or sum, over them.

    Entries of a row that the model didn't make are taken away one by one, in a random order, up
    to four: what is left after each is the integral over it of what was there before, in double
    precision to 1e-3; and of a row all of whose entries are missing it is 0.
    """
    target = target_of(subject)
    rows: Any = subject.foreign_rows(1, "missing")
    row = rows.values if subject.model.space.ragged else rows
    x = row.reshape(target.space.shape)
    x = x if target.space.kind.discrete else x.double()
    absent = -1 if target.space.kind.discrete else torch.nan
    order = torch.randperm(x.numel(), generator=subject.rng("order")).tolist()
    for entry in order[:_STEPS]:
        rng = subject.rng(f"entry {entry}")
        wanted = log_total(target.log_prob, x, entry, target.space, rng)
        x = _without(x, [entry], absent)
        seen = float(target.log_prob(x[None]))
        if not abs(seen - wanted) <= _TOLERANCE:
            _not_integrated(f"{seen:.6g}, where the integral over the entry has log {wanted:.6g}")
    seen = target.log_prob(_without(x, order, absent)[None])
    if not close(seen, torch.zeros_like(seen), _ROUNDING):
        _not_integrated(f"{float(seen):.6g} where all is missing")


def _without(x: Tensor, entries: list[int], absent: float) -> Tensor:
    found = x.flatten().clone()
    found[entries] = absent
    return found.reshape(x.shape)


def _not_integrated(received: str) -> None:
    raise ConformanceError(
        "The density of a row with missing entries is that of the entries that it has",
        received=received,
        remedy="Integrate missing entries out; fill in no value for them.",
    )


CHECKS = (missing_entries_are_integrated_out,)
