"""Checks of conditional models: a condition tells, each row its own, in whatever form it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close, require_same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.checks.generator import drawn
from zoo_core.conformance.claims import both, conditional, is_density, is_generator
from zoo_core.conformance.columns import is_continuous
from zoo_core.conformance.draws import LENGTH
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.statistics.rank_tests import matrix, two_samples
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConditionError, ConformanceError
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import provided

_ROWS, _DRAWS = 12, 48
_TOLERANCE = 1e-3
"""Relative to 1 + the size: an adaptive solver's steps are those of the whole batch."""


def _answers(subject: Subject) -> bool:
    return provided(subject.model, Generator) or provided(subject.model, DensityModel)


def _untold(subject: Subject) -> bool:
    return not subject.model.is_given


def _unconditional(subject: Subject) -> bool:
    return not subject.model.is_conditional


_told = both(conditional, _untold, _answers)


@check(claimed=_told)
def another_condition_changes_the_output(subject: Subject) -> None:
    """Of any two conditions, log_prob of the same rows or samples of the same rng differ.

    Up to three conditions are compared, in double precision. And over all pairs log_prob must
    differ somewhere, and so must floating samples: a model that conditions one and not the other
    is none.
    """
    outputs = [_outputs(subject, condition) for condition in _distinct(subject)]
    changed: set[str] = set()
    for a, b in combinations(outputs, 2):
        different = {name for name in a if not close(a[name], b[name], 1e-12)}
        if not different:
            _ignored("the same log_prob and samples under two conditions")
        changed |= different
    unchanged = set(outputs[0]) - changed
    if not is_continuous(subject.model.space):
        unchanged.discard("samples")  # a small change of a mass need not show in few codes
    if unchanged:
        _ignored(f"the same {' and '.join(unchanged)} under every condition")


@check(claimed=both(_told, is_density))
def each_row_is_scored_under_its_own_condition(subject: Subject) -> None:
    """log_prob of rows with a condition each is, row by row, that under one condition for all.

    The rng is the same, so that bounds have the same noise. In double precision, to 1e-3 of 1 +
    the size: a row scored under another's condition is further off.
    """
    model: Any = subject.exact
    conditions = _distinct(subject)
    raw, owner = conditions.in_turn(_ROWS)
    x = subject.rows(_ROWS, "conditional")

    def scored(condition: Any) -> Tensor:
        with torch.no_grad():
            return model.log_prob(x, condition=condition, rng=subject.rng("noise"))

    mixed = scored(raw)
    for which, condition in enumerate(conditions):
        single, rows = scored(condition), owner == which
        if not close(mixed[rows], single[rows], _TOLERANCE):
            raise ConformanceError(
                "Each row is scored under its own condition",
                received=f"{mixed[rows].tolist()[:2]} for {single[rows].tolist()[:2]}",
                remedy="Take row i of call.context for row i of the data.",
            )


@check(claimed=both(_told, is_generator))
def each_row_is_sampled_under_its_own_condition(subject: Subject) -> Evidence:
    """Samples with a condition each have, row by row, the law of those under that condition alone.

    256 rows a condition in turn, against 256 under one, by rank tests of random projections in
    location and spread. A condition that is mistaken for another is caught with probability > .98
    where they move the samples by one standard deviation, > .8 by half of one.
    """
    conditions = _distinct(subject)
    raw, owner = conditions.in_turn(256 * len(conditions.chosen))
    rng = subject.rng("mixed conditions")
    mixed = matrix(drawn(subject, len(owner), rng, condition=raw))
    p_values = {}
    for which, condition in enumerate(conditions):
        single = drawn(subject, 256, subject.rng(f"condition {which}"), condition=condition)
        rng = subject.rng(f"projections {which}")
        for name, p in two_samples(mixed[owner == which], matrix(single), rng).items():
            p_values[f"{name}, condition {which}"] = p
    return Evidence(p_values)


@check(claimed=_told)
def every_form_of_a_condition_means_the_same(subject: Subject) -> None:
    """A condition passed, bound by `given`, and as the conditioner's Context give the same output.

    To the bit; a Context of one row for all the samples to 1e-3, in log_prob. Of two conditions.
    """
    conditioner: Any = subject.exact.get_submodule("conditioner")
    for condition in islice(_distinct(subject), 2):
        with torch.no_grad():
            context = conditioner.context(condition, _ROWS)
            one = conditioner.context(condition)
        passed = _outputs(subject, condition)
        for how, other in (
            ("given(condition)", _outputs(subject, None, bound=condition)),
            ("given(context)", _outputs(subject, None, bound=context)),
            ("a Context", _outputs(subject, context)),
        ):
            rule = f"{how} means what the raw condition means"
            require_same(other, passed, rule, remedy="Read the condition from call.context alone.")
        single = _outputs(subject, one)
        if "log_prob" in passed and not close(single["log_prob"], passed["log_prob"], _TOLERANCE):
            raise ConformanceError(
                "A Context of one row means the same for every row",
                received="another log_prob",
                remedy="Read the condition from call.context alone; it has a row a sample.",
            )


@check(claimed=_told)
def wrong_numbers_of_conditions_are_refused(subject: Subject) -> None:
    """No condition, one too few, a Context of another shape, and a second one raise ConditionError.

    In log_prob and in sample, of whichever the model has. No condition is none of them where the
    class says `marginalizes`: it means the marginal.
    """
    conditions: Any = subject.conditions(_ROWS - 1, "too few")
    wrong = Context(vector=torch.zeros(1, 1), image=torch.zeros(1, 1, 2, 3))
    if not subject.model.marginalizes:
        _require_refused(subject, subject.model, None, "no condition")
    _require_refused(subject, subject.model, conditions, "one condition too few")
    _require_refused(subject, subject.model, wrong, "a Context of another shape")
    view = subject.model.given(subject.condition())
    _require_refused(subject, view, subject.condition(), "a second condition")


@check(claimed=both(_unconditional, _answers))
def conditions_of_an_unconditional_model_are_refused(subject: Subject) -> None:
    """A condition for a model that takes none raises ConditionError, in log_prob and in sample."""
    _require_refused(subject, subject.model, 0, "a condition")


@final
@dataclass(frozen=True, eq=False)
class _Conditions:
    """Raw conditions of different codes, two or three of them."""

    raw: Any
    chosen: Tensor

    def __iter__(self) -> Iterator[Any]:
        return (self.raw[which] for which in self.chosen.tolist())

    def in_turn(self, n: int) -> tuple[Any, Tensor]:
        """Give n raw conditions, and which of these each is."""
        owner = torch.arange(n) % len(self.chosen)
        return self.raw[self.chosen[owner]], owner


def _distinct(subject: Subject) -> _Conditions:
    """Choose raw conditions whose codes differ. Raises Skip where there is but one."""
    conditioner: Any = subject.model.get_submodule("conditioner")
    raw = subject.conditions(_DRAWS, "several")
    found: dict[str, int] = {}
    for which in range(_DRAWS):
        codes = conditioner.prepare(raw[which])
        found.setdefault(str({k: t.tolist() for k, t in codes.tensors.items()}), which)
    if len(found) < 2:
        raise Skip("there is only one condition")
    return _Conditions(raw, torch.tensor(list(found.values())[:3]))


def _outputs(subject: Subject, condition: Any, *, bound: Any = None) -> Mapping[str, Tensor]:
    """Give log_prob of fixed rows and samples of a fixed rng, in double precision."""
    model: Any = subject.exact if bound is None else subject.exact.given(bound)
    found: dict[str, Tensor] = {}
    with torch.no_grad():
        if provided(model, DensityModel):
            x = subject.rows(_ROWS, "conditional")
            found["log_prob"] = model.log_prob(x, condition=condition, rng=subject.rng("noise"))
        if provided(model, Generator):
            lengths = LENGTH if model.space.ragged else None
            rng = subject.rng("conditional draws")
            made = model.sample(_ROWS, condition=condition, lengths=lengths, rng=rng)
            found["samples"] = matrix(made)
    return found


def _ignored(seen: str) -> None:
    raise ConformanceError(
        "Another condition changes what a conditional model answers",
        received=seen,
        remedy="Let call.context enter both _log_prob and _sample.",
    )


def _require_refused(subject: Subject, model: Any, condition: Any, what: str) -> None:
    calls: list[Callable[[], object]] = []
    if provided(model, DensityModel):
        x = subject.foreign_rows(_ROWS, "refused conditions")
        calls.append(lambda: model.log_prob(x, condition=condition))
    if provided(model, Generator):
        lengths = LENGTH if model.space.ragged else None
        calls.append(lambda: model.sample(_ROWS, condition=condition, lengths=lengths))
    for call in calls:
        try:
            call()
        except ConditionError:
            continue
        raise ConformanceError(
            "A model is told as many conditions as it needs, once",
            received=f"no error for {what}",
            remedy="Let the conditioner's _prepare give one row a condition, and no others.",
        )


CHECKS = (
    another_condition_changes_the_output,
    each_row_is_scored_under_its_own_condition,
    each_row_is_sampled_under_its_own_condition,
    every_form_of_a_condition_means_the_same,
    wrong_numbers_of_conditions_are_refused,
    conditions_of_an_unconditional_model_are_refused,
)
