"""Checks of unnormalised densities: figures that can be compared, up to one constant."""

from __future__ import annotations

from typing import Any

import torch

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import density_is
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityKind

_ROWS = 8
_ROUNDING = 1e-7
"""Relative, in double precision."""

_unnormalized = density_is(DensityKind.UNNORMALIZED)


@check(claimed=_unnormalized)
def unnormalized_figures_are_finite(subject: Subject) -> None:
    """Unnormalised figures of rows of the space are finite numbers.

    64 rows that the model didn't make, in its own precision.
    """
    model: Any = subject.model
    x = subject.foreign_rows(64)
    with torch.no_grad():
        log_prob = model.log_prob(x, condition=subject.condition(), rng=subject.rng("noise"))
    if not bool(log_prob.isfinite().all()):
        raise ConformanceError(
            "Unnormalised figures are finite",
            received=f"{log_prob[:4].tolist()}",
            remedy="Give −energy; sum logarithms where a product or exp overflows.",
        )


@check(claimed=_unnormalized)
def differences_of_figures_belong_to_two_rows(subject: Subject) -> None:
    """log_prob(x) − log_prob(y) is the same whichever rows stand beside x and y.

    Eight rows are compared pair by pair: in one batch, and each pair alone with copies of its
    second row. In double precision, beyond rounding. A scale that is the batch's own shows.
    """
    model: Any = subject.exact
    x, told = subject.foreign_rows(_ROWS, "differences"), subject.condition()
    with torch.no_grad():
        whole = model.log_prob(x, condition=told, rng=subject.rng("noise"))
        for i in range(_ROWS - 1):
            rows = torch.tensor([i, i + 1, i + 1, i + 1])
            alone = model.log_prob(x[rows], condition=told, rng=subject.rng("noise"))
            seen, wanted = alone[0] - alone[1], whole[i] - whole[i + 1]
            if not close(seen, wanted, _ROUNDING):
                raise ConformanceError(
                    "The difference of two figures doesn't depend on the rows beside them",
                    received=f"{float(seen):.6g} in one batch, {float(wanted):.6g} in another",
                    remedy="Scale energies by numbers that are the model's, not the batch's.",
                )


CHECKS = (unnormalized_figures_are_finite, differences_of_figures_belong_to_two_rows)
