"""Checks of the surroundings: what a model does leaves everything outside of it as it was."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zoo_core.conformance.behaviour import behaviour
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import every
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError


@check(claimed=every)
def global_generators_are_left_alone(subject: Subject) -> None:
    """Building, scoring and sampling neither use nor change the global random generators.

    The states of torch's and NumPy's are compared before and after. Python's may be drawn from by
    who checks types at run time, so for it the answers under two states are compared. A draw from
    one makes results depend on whatever else ran, and an rng that is given can't repeat it.
    """
    before = _generators()
    _work(subject)
    used = [name for name, state in _generators().items() if state != before[name]]
    if not used and _answers(subject, 0) != _answers(subject, 1):
        used = ["Python"]
    if used:
        raise ConformanceError(
            "Randomness enters only through rng",
            received=f"a use of the global generator of {' and '.join(used)}",
            remedy="Draw with generator=call.rng; in _build, where torch is seeded, by torch.",
        )


@check(claimed=every)
def global_settings_are_left_alone(subject: Subject) -> None:
    """Building, scoring and sampling leave the process's settings as they were.

    Compared are torch's default dtype, gradient mode, number of threads, precision of products
    and determinism, NumPy's error handling, warnings' filters, the environment and the folder.
    """
    before = _settings()
    try:
        _work(subject)
        after = _settings()
    finally:
        # A check that finds a changed setting must not leave it to the next one.
        torch.set_default_dtype(before["default dtype"])
        torch.set_grad_enabled(before["gradient mode"])
        torch.set_num_threads(before["number of threads"])
    changed = [name for name, value in after.items() if value != before[name]]
    if changed:
        raise ConformanceError(
            "A model leaves the process's settings as they were",
            received=f"another {', '.join(changed)}",
            remedy="Use the context manager of the setting, around no more than needs it.",
        )


def _work(subject: Subject) -> None:
    if not subject.is_in_memory_alone:
        subject.built()
    behaviour(subject.copy(), subject)


def _generators() -> Mapping[str, Any]:
    return {
        "torch": torch.get_rng_state().tolist(),
        "NumPy": str(np.random.get_state(legacy=False)),
    }


def _answers(subject: Subject, seed: int) -> list[str]:
    """Build and ask with Python's generator in a chosen state, which is put back."""
    state = random.getstate()
    try:
        random.seed(seed)
        built = subject.copy() if subject.is_in_memory_alone else subject.built()
        tensors = [*built.state_dict().values()]
        tensors += behaviour(subject.copy(), subject).values()
    finally:
        random.setstate(state)
    return [str(tensor.tolist()) for tensor in tensors]  # as text, since NaN is not itself


def _settings() -> dict[str, Any]:
    return {
        "default dtype": torch.get_default_dtype(),
        "gradient mode": torch.is_grad_enabled(),
        "number of threads": torch.get_num_threads(),
        "precision of products": torch.get_float32_matmul_precision(),
        "determinism": torch.are_deterministic_algorithms_enabled(),
        "handling of NumPy's errors": np.geterr(),
        "filters of warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
    }


CHECKS = (global_generators_are_left_alone, global_settings_are_left_alone)
