"""Checks of refusals: what can't be scored gets a clear error, and no number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, is_density, is_generator
from zoo_core.conformance.refusal import require_refusal
from zoo_core.conformance.subject import Subject
from zoo_core.errors import DataError, OptionError
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.model import provided
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Kind, Space


@check(claimed=is_density)
def wrong_shapes_are_refused(subject: Subject) -> None:
    """Rows of another shape than the space's, and a single row without the batch, raise DataError.

    A tensor that broadcasts would give a number, and a wrong one.
    """
    x = _values(subject)
    _refuses(subject, lambda: torch.cat([x, x], -1)[..., None], "a dimension more")
    if x.ndim > 1:
        _refuses(subject, lambda: torch.cat([x, x[..., :1]], -1), "an entry more")
        _refuses(subject, lambda: x[0], "a row without the batch")


@check(claimed=is_density)
def no_rows_are_refused(subject: Subject) -> None:
    """A batch of no rows, or of no sequences, raises DataError."""
    nothing = _values(subject)[:0]
    rows = Ragged(nothing, torch.zeros(0)) if subject.model.space.ragged else nothing
    _require_error(lambda: _score(subject.model, rows, subject), "no rows")


@check(claimed=is_density)
def values_outside_the_space_are_refused(subject: Subject) -> None:
    """NaN, infinities and codes or numbers outside the space raise DataError.

    Of missing values only where the space doesn't say `missing`. Of a mixed table each column is
    tried, with what is outside of its own space.
    """
    space, x = subject.model.space, _values(subject)
    if not x.numel():
        raise Skip("a sample has no entries")
    entries = space.entry_spaces
    for place in range(len(entries)) if space.entries is not None else (-1,):
        for value in _outside(entries[place]):
            absent = math.isnan(value) or (value == -1 and space.kind.discrete)
            if not (space.missing and absent):
                what = f"the value {value:g} in entry {place}"
                _refuses(subject, lambda at=place, value=value: _with(x, at, value), what)


@check(claimed=is_density)
def other_kinds_of_data_are_refused(subject: Subject) -> None:
    """Complex numbers, text, and sequences for arrays (or arrays for sequences) raise DataError.

    Text only where the space has no tokenizer, which makes codes of it.
    """
    x = _values(subject)
    _refuses(subject, lambda: x.to(torch.complex64), "complex numbers")
    model = subject.model
    other = x if model.space.ragged else Ragged.of([x])
    _require_error(lambda: _score(model, other, subject), "another kind")
    if model.space.tokenizer is None:
        _require_error(lambda: _score(model, "text", subject), "text")


@check(claimed=both(is_density, is_generator))
def unknown_options_are_refused(subject: Subject) -> None:
    """An option that the model doesn't declare raises OptionError, in log_prob and in sample."""
    model: Any = subject.model
    told = subject.condition()
    x = subject.rows(1, "refusals")
    calls: tuple[Callable[[], object], ...] = (
        lambda: model.log_prob(x, condition=told, no_such_option=1),
        lambda: model.sample(1, condition=told, no_such_option=1),
    )
    for call in calls:
        require_refusal(
            OptionError,
            call,
            "no_such_option",
            rule="Options that a model doesn't declare are refused",
            remedy="Declare options as a zoo.Config: LogProbOptions, SampleOptions.",
        )


def _values(subject: Subject) -> Tensor:
    x = subject.rows(3, "refusals")
    return x.values if isinstance(x, Ragged) else x


def _outside(space: Space) -> tuple[float, ...]:
    """Give numbers that are no value of an entry; NaN and infinities are no codes either."""
    if space.kind.discrete:
        return (
            -2,
            -1,
            0.5,
            math.nan,
            math.inf,
            *(() if space.n_levels is None else (space.n_levels,)),
        )
    bounds = {Kind.UNIT: (-0.1, 1.1), Kind.ANGLE: (-3.2, 3.2)}
    return (math.nan, math.inf, -math.inf, *bounds.get(space.kind, ()))


def _with(x: Tensor, place: int, value: float) -> Tensor:
    """Put a value into an entry of the last row; codes become floating where it is no integer."""
    x = x.clone() if float(value).is_integer() else x.to(torch.get_default_dtype(), copy=True)
    x.view(len(x), -1)[-1, place] = value
    return x


def _refuses(subject: Subject, make: Callable[[], Tensor], what: str) -> None:
    x = make()
    ragged = subject.model.space.ragged
    row = Ragged(x, torch.tensor([len(x)])) if ragged else x
    _require_error(lambda: _score(subject.model, row, subject), what)


def _score(model: object, x: object, subject: Subject) -> None:
    if provided(model, DensityModel):
        with torch.no_grad():
            model.log_prob(x, condition=subject.condition())


def _require_error(score: Callable[[], None], what: str) -> None:
    require_refusal(
        DataError,
        score,
        what,
        rule="Data outside of the space raise DataError",
        remedy="Say in _space() what one sample is, and leave its checks to the public methods.",
    )


CHECKS = (
    wrong_shapes_are_refused,
    no_rows_are_refused,
    values_outside_the_space_are_refused,
    other_kinds_of_data_are_refused,
    unknown_options_are_refused,
)
