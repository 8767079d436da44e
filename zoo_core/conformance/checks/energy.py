"""Checks of Energy: finite, each row's own, and the negative of log_prob."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import both, is_density, provides, without_noise
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.energy import Energy
from zoo_core.interfaces.ragged import Ragged

_ROWS = 8
_ROUNDING = 1e-7
"""Relative, in double precision."""

_has_energy = provides(Energy)


@check(claimed=both(_has_energy, is_density, without_noise))
def energy_is_minus_log_prob(subject: Subject) -> None:
    """The energy is −log_prob: to the digit of unnormalised figures, up to log Z of exact ones.

    Eight rows that the model didn't make, under one condition, in double precision beyond
    rounding. Of an exact density the sum of both is −log Z, the same for all rows.
    """
    model: Any = subject.exact
    x = subject.foreign_rows(_ROWS, "energy")
    with torch.no_grad():
        log_prob = model.log_prob(x, condition=subject.condition())
    total = log_prob + _energy(subject, x)
    exact = model.density.kind is DensityKind.EXACT
    wanted = total[:1].expand(_ROWS) if exact else torch.zeros_like(total)
    # Relative to the figures, of which the sum is a difference.
    if not close(log_prob + wanted - total, log_prob, _ROUNDING):
        raise ConformanceError(
            f"energy + log_prob is {'the same for every row' if exact else '0'}",
            received=f"{total[:3].tolist()}",
            remedy="exp(−energy) is the unnormalised density: _log_prob gives −_energy(z, call).",
        )


@check(claimed=_has_energy)
def energies_are_finite_and_each_rows_own(subject: Subject) -> None:
    """The energy of a row is finite, and the same alone and among others, beyond rounding.

    Eight rows that the model didn't make, together and one by one, in double precision.
    """
    x = subject.foreign_rows(_ROWS, "energy")
    together = _energy(subject, x)
    alone = torch.cat([_energy(subject, x[torch.tensor([i])]) for i in range(_ROWS)])
    if not bool(together.isfinite().all()) or not close(alone, together, _ROUNDING):
        raise ConformanceError(
            "The energy of a row is finite, and doesn't depend on the rows beside it",
            received=f"{together[:3].tolist()} together, {alone[:3].tolist()} alone",
            remedy="Reduce over the entries of a row, never over rows.",
        )


def _energy(subject: Subject, x: Tensor | Ragged) -> Tensor:
    model: Any = subject.exact
    with torch.no_grad():
        return model.energy(x, condition=subject.condition())


CHECKS = (energy_is_minus_log_prob, energies_are_finite_and_each_rows_own)
