"""`check_model`: every promise that one model makes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch

from zoo_core import API_VERSION
from zoo_core.conformance.catalogue import model_checks
from zoo_core.conformance.result import CheckResult
from zoo_core.conformance.running import run_checks
from zoo_core.conformance.subject import Subject
from zoo_core.interfaces.model import Model

_NONE: Mapping[str, str] = MappingProxyType({})


def check_model(
    model: Model,
    *,
    rng: torch.Generator,
    expected_failures: Mapping[str, str] = _NONE,
    dtypes: tuple[torch.dtype, ...] = (),
) -> list[CheckResult]:
    """Check what a model claims; give one result a promise. The model itself isn't changed.

    Give a small one, away from its initial state: a new flow may be the identity, whose
    log-determinant nobody can miss. `expected_failures` maps a check's name to why it is known to
    fail; one that passes, or that isn't made, is a failure. `dtypes` are types of weights beside
    float32 and float64 that the model shall work with.
    """
    seed = int(torch.randint(2**31, (), generator=rng, device=rng.device))
    subject = Subject(model, seed=seed, dtypes=dtypes)
    return list(
        run_checks(model_checks(), subject, expected_failures=expected_failures, api=API_VERSION)
    )
