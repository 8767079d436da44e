"""The power that the checks of densities state: each broken model is caught at every seed tried."""

from __future__ import annotations

import pytest

from conformance.mutant import Mutant
from conformance.mutants_exact_density import FOLLOWS, INTEGRATES, MUTANTS
from zoo_core.conformance.checks.exact_density import CHECKS
from zoo_core.conformance.result import Status
from zoo_core.conformance.running import run_check
from zoo_core.conformance.subject import Subject

STATISTICAL = [mutant for mutant in MUTANTS if mutant.caught_by in (FOLLOWS, INTEGRATES)]
RUN = {check.name: check for check in CHECKS}


@pytest.mark.parametrize("mutant", STATISTICAL, ids=[mutant.name for mutant in STATISTICAL])
def test_it_is_caught_at_every_seed(mutant: Mutant) -> None:
    model = mutant.broken()
    for seed in (1, 2):
        result = run_check(RUN[mutant.caught_by], Subject(model, seed=seed), expected=None, api=0)
        assert result.status is Status.FAILED, f"seed {seed}: {result}"
