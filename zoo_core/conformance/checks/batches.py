"""Checks of batches and threads: how the work is divided changes nothing but rounding."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import behaviour, close
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import every, without_noise
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.model import provided

_ROWS = 9
_ROUNDING = 1e-7
"""Relative, in double precision: iterative inverses and solvers stop by their own tolerance."""


@check(claimed=without_noise)
def log_prob_does_not_depend_on_the_batch(subject: Subject) -> None:
    """The log_prob of a row is the same alone, among few and among many, beyond rounding.

    Nine rows are scored together, one by one, and after fifty copies of the last. Statistics of
    a batch, and sums where a mean over the entries was meant, show.
    """
    model = subject.exact
    if not provided(model, DensityModel):
        return
    x = subject.rows(_ROWS, "batches")
    codes = subject.conditions(_ROWS, "batches")

    def scored(rows: Tensor) -> Tensor:
        told = None if codes is None else codes[rows]
        with torch.no_grad():
            return model.log_prob(x[rows], condition=told, rng=subject.rng("noise"))

    whole = scored(torch.arange(_ROWS))
    single = torch.cat([scored(torch.tensor([i])) for i in range(_ROWS)])
    crowd = scored(torch.cat([torch.full((50,), _ROWS - 1), torch.arange(_ROWS)]))[50:]
    for other, how in ((single, "alone"), (crowd, "after fifty others")):
        if not close(other, whole, _ROUNDING):
            raise ConformanceError(
                "The log_prob of a row doesn't depend on the rows beside it",
                received=f"{other.tolist()[:3]} {how}, {whole.tolist()[:3]} together",
                remedy="Reduce over the entries of a row, never over rows.",
            )


@check(claimed=every)
def the_number_of_threads_changes_only_rounding(subject: Subject) -> None:
    """Log_prob, samples and contexts on one thread and on two are the same beyond rounding.

    In double precision. The number of threads is put back whatever happens.
    """
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = behaviour(subject.exact, subject)
        torch.set_num_threads(2)
        two = behaviour(subject.exact, subject)
    finally:
        torch.set_num_threads(before)
    for name, seen in two.items():
        if not close(seen, one[name], _ROUNDING):
            raise ConformanceError(
                "The number of threads changes nothing beyond rounding",
                received=f"another {name}",
                remedy="Divide work among threads without changing what is drawn or summed.",
            )


CHECKS = (log_prob_does_not_depend_on_the_batch, the_number_of_threads_changes_only_rounding)
