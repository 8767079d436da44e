"""Behaviour: what a model answers to fixed questions, to be compared to the bit or to rounding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.draws import LENGTH
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model, provided
from zoo_core.interfaces.ragged import Ragged

_ROWS = 4


def behaviour(model: Model, subject: Subject) -> Mapping[str, Tensor]:
    """Give what a model of the subject's kind answers: log_prob, samples, contexts, by name.

    The questions are the subject's and always the same, and so is the rng.
    """
    found: dict[str, Tensor] = {}
    with torch.no_grad():
        if provided(model, DensityModel):
            found["log_prob"] = log_prob(model, subject, subject.rows(_ROWS))
        if provided(model, Generator):
            found["sample"] = samples(model, subject)
        if isinstance(model, Conditioner):
            found |= contexts(model, subject)
    return found


def log_prob(model: DensityModel, subject: Subject, x: Tensor | Ragged) -> Tensor:
    """Score rows under the subject's conditions, with a fixed rng."""
    conditions = subject.conditions(len(x))
    return model.log_prob(x, condition=conditions, rng=subject.rng("noise"))


def samples(model: Generator, subject: Subject, n: int = _ROWS) -> Tensor:
    """Draw under the subject's conditions, with a fixed rng; of sequences, the steps."""
    made = model.sample(
        n,
        condition=subject.conditions(n),
        lengths=LENGTH if model.space.ragged else None,
        rng=subject.rng("draws"),
    )
    return made.values if isinstance(made, Ragged) else made


def contexts(conditioner: Conditioner, subject: Subject) -> Mapping[str, Tensor]:
    """Encode conditions, by the name of each tensor of the Context."""
    context: Any = conditioner.context(subject.raw(_ROWS))
    named = {name: getattr(context, name) for name in ("vector", "sequence", "mask", "image")}
    return {name: tensor for name, tensor in named.items() if tensor is not None}


def require_same(
    seen: Mapping[str, Tensor], expected: Mapping[str, Tensor], rule: str, *, remedy: str
) -> None:
    """Raise ConformanceError where two behaviours differ in a bit."""
    for name, wanted in expected.items():
        if name not in seen or not same(seen[name], wanted):
            raise ConformanceError(rule, received=f"another {name}", remedy=remedy)


def same(a: Tensor, b: Tensor) -> bool:
    """Say whether two tensors are equal to the bit, NaN being equal to NaN."""
    if a.shape != b.shape or a.dtype is not b.dtype:
        return False
    return bool(((a == b) | ((a != a) & (b != b))).all())


def close(a: Tensor, b: Tensor, tolerance: float) -> bool:
    """Say whether tensors differ by `tolerance` at most, relative to 1 + their size."""
    if a.shape != b.shape:
        return False
    a, b = a.double(), b.double()
    return bool(((a == b) | ((a - b).abs() <= tolerance * (1 + b.abs()))).all())
