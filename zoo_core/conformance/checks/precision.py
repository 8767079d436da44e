"""Checks of precision: double precision always, others where they are claimed."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close, log_prob, samples
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import every
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model, provided

_ROWS = 8
_TOLERANCE = {torch.float64: 2e-3, torch.bfloat16: 0.2, torch.float16: 0.1}
"""How far log_prob may be from float32's, relative to 1 + its size: weights are rounded too."""


@check(claimed=every)
def double_precision_works(subject: Subject) -> None:
    """After `.double()` all that the model gives is float64, and log_prob is what it was.

    Mathematics is checked in double precision, where rounding hides nothing. A constant of a
    fixed dtype in a product, or a cast on the way, gives itself away: its results are numbers
    that float32 could hold.
    """
    _works(subject, torch.float64)
    if not provided(subject.exact, DensityModel):
        return
    with torch.no_grad():
        seen = log_prob(subject.exact, subject, subject.rows(_ROWS))
    seen = seen[seen.isfinite()]
    if len(seen.unique()) > 1 and torch.equal(seen, seen.float().double()):
        raise ConformanceError(
            "The log_prob of a model in double precision is computed in it",
            received=f"{seen.tolist()[:2]}, which are numbers of float32",
            remedy="Cast nothing to a fixed dtype.",
        )


def _claims_types(subject: Subject) -> bool:
    return bool(subject.dtypes)


@check(claimed=_claims_types)
def claimed_types_of_weights_work(subject: Subject) -> None:
    """In each type of weights that the registry entry claims, log_prob and samples are finite.

    And log_prob is near that of float32: within 20% of 1 + its size for bfloat16, 10% for
    float16.
    """
    for dtype in subject.dtypes:
        _works(subject, dtype)


def _works(subject: Subject, dtype: torch.dtype) -> None:
    model = subject.copy().to(dtype)
    if provided(model, DensityModel) and provided(subject.model, DensityModel):
        x = subject.rows(_ROWS)
        with torch.no_grad():
            seen = log_prob(model, subject, x)
            expected = log_prob(subject.model, subject, x)
        _require(seen, dtype, "log_prob", model)
        # The noise of a stochastic bound differs between types.
        fixed = model.density.kind.value in ("exact", "unnormalized")
        if (
            fixed
            and not model.preprocessing.dequantizes
            and not close(seen, expected, _TOLERANCE[dtype])
        ):
            raise ConformanceError(
                f"log_prob in {dtype} is near that in float32",
                received=f"{seen.tolist()[:3]} for {expected.tolist()[:3]}",
            )
    if provided(model, Generator):
        made = samples(model, subject, _ROWS)
        _require(made, torch.int64 if model.space.kind.discrete else dtype, "samples", model)


def _require(seen: Tensor, dtype: torch.dtype, what: str, model: Model) -> None:
    if seen.dtype is not dtype or bool(seen.isnan().any()):
        received = f"{seen.dtype}" if seen.dtype is not dtype else "NaN"
        raise ConformanceError(
            f"The {what} of a model in {model.dtype} are {dtype}, none NaN",
            received=received,
            remedy="Make constants by x.new_tensor or in self.dtype; keep none of a fixed type.",
        )


CHECKS = (double_precision_works, claimed_types_of_weights_work)
