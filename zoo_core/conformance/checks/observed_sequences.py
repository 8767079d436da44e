"""Checks of sequences of which some steps are told: samples have them, and go on accordingly."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance import target_promises as promises
from zoo_core.conformance.behaviour import close, same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, density_is, is_generator, observes
from zoo_core.conformance.draws import draw
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.sequences import Sequences
from zoo_core.conformance.statistics.enumeration import enumerable, every_row
from zoo_core.conformance.subject import Subject
from zoo_core.conformance.told_steps import Rest, every_second, first_steps, steps_to_go, supported
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.next_token import NextToken
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Kind, Space

_TOLD = (2, 0, 5, 1, 3, 4)
_WHOLE = 5
_SAMPLES = 1000
_ROUNDING = 1e-7
"""Relative, in double precision."""


def _ragged(subject: Subject) -> bool:
    return subject.model.space.ragged


_makes = both(is_generator, observes, _ragged)
_scores = both(observes, _ragged, density_is(DensityKind.EXACT))


@check(claimed=_makes)
def samples_have_the_steps_that_are_told(subject: Subject) -> None:
    """Sequences have the told steps to the bit, `lengths` counts these, and the rest is drawn.

    Told are beginnings of 0 to 5 steps, one a sample, then one of 3 steps for six samples, then
    the beginnings but for the last step of each, which is marked as unknown; and every second
    step. A model may know beginnings alone, and raise UnsupportedError for other steps, or the
    other way round. Of real steps those that aren't told differ from sample to sample.
    """
    told = Sequences.of(subject, _TOLD, "told")
    whole = Sequences.of(subject, (_WHOLE,) * len(_TOLD), "told")
    cut = first_steps(told.x, told.x.lengths - 1)
    attempts: list[tuple[Observed, Any]] = [
        (Observed(told.x), told.condition),
        (Observed([told.x[4]]), subject.condition()),
        (Observed(told.x, cut), told.condition),
        (Observed(whole.x, every_second(whole.x, 0)), whole.condition),
        (Observed(whole.x, every_second(whole.x, 1)), whole.condition),
    ]
    known = [supported(lambda one=one: _require_told(subject, *one)) for one in attempts]
    if not any(known[:3]) and not any(known[3:]):
        raise ConformanceError(
            "A model of sequences that says `observes` knows first steps, or any",
            received="UnsupportedError for beginnings and for every second step",
            remedy="Go on after call.observed.values, or don't say `observes`.",
        )


def _require_told(subject: Subject, observed: Observed, condition: Any) -> None:
    model: Any = subject.model
    rng, n = subject.rng("what is told"), len(_TOLD)
    made = model.sample(n, observed=observed, condition=condition, lengths=_WHOLE, rng=rng)
    if made.lengths.tolist() != [_WHOLE] * n:
        raise ConformanceError(
            "`lengths` is how long a sequence is, what is told included",
            received=f"lengths {made.lengths.tolist()} for {_WHOLE}",
            remedy="Draw call.lengths minus the lengths of call.observed.values.",
        )
    known = observed.checked(model.space, n, model.device)
    for row, values, mask in zip(made, known.values, known.mask, strict=True):
        if not same(row[: len(values)][mask], values[mask].to(row.dtype)):
            raise ConformanceError(
                "Samples have the steps that are told",
                received=f"{row.tolist()} for {values.tolist()}",
                remedy="Go on after call.observed.values; leave its steps where they are.",
            )
    ends = [row[-1] for row, steps in zip(made, known.values, strict=True) if len(steps) < _WHOLE]
    if model.space.kind is Kind.REAL and any(same(ends[0], end) for end in ends[1:]):
        raise ConformanceError("What isn't told is drawn for each sample", received="equal steps")


@check(claimed=both(_makes, density_is(DensityKind.EXACT)))
def sequences_go_on_by_the_density(subject: Subject) -> Evidence:
    """Samples that are told some steps follow the density of the others given these.

    In double precision, under one condition. Beginnings of one step and of three are told in
    turn in one call. 1000 ways to go on from each, two steps where there are few codes and else
    one, are held against log_prob given the beginning: counted in about 40 cells of equal
    probability (χ²), with their mean log-density and moments. Where the model knows other steps
    than first ones, one between is told too. Of four codes each of which makes another three
    times as likely to follow, a model that forgets what it was told, or another row's, is caught
    with probability > .99, and so is one that draws at a temperature of 1.5.
    """
    found: dict[str, float] = {}
    for name, rest in _rests(subject).items():
        target, rng = rest.target(), subject.rng(f"going on, {name}")

        def judge(name: str = name, target: Any = target, rng: torch.Generator = rng) -> None:
            evidence = promises.samples_follow(target, rng, samples=_SAMPLES)
            found.update({f"{what}, {name}": p for what, p in evidence.p_values.items()})

        supported(judge)
    if not found:
        raise Skip("the model knows none of the steps that were tried")
    return Evidence(found, received=f"{_SAMPLES} ways to go on")


@check(claimed=_scores)
def the_rest_of_a_sequence_is_scored_given_what_is_told(subject: Subject) -> None:
    """log_prob with `observed` is the density of the steps that aren't told given those that are.

    Beginnings of one step and of three, and where the model knows it a step between. Over the
    ways to go on the density sums, or integrates, to 1; and with what is told it is log_prob(x)
    but for a number that doesn't depend on how it goes on. Beyond rounding in double precision.
    """
    for name, rest in _rests(subject).items():
        supported(lambda rest=rest, name=name: _require_conditional(subject, rest, name))


def _require_conditional(subject: Subject, rest: Rest, name: str) -> None:
    target, rng = rest.target(), subject.rng(f"ways, {name}")
    promises.integrates_to_one(target, rng)
    x = _ways(target.space, rng)
    with torch.no_grad():
        told = rest.log_prob(x, given=False) - rest.log_prob(x)
    if not close(told, told[:1].expand_as(told), _ROUNDING):
        _wrong(f"{told[:3].tolist()} for log p(told), where only the rest differs ({name})")


def _ways(space: Space, rng: torch.Generator) -> Tensor:
    x: Any = every_row(space) if enumerable(space) else draw(space, 9, rng)
    return x if space.kind.discrete else x.double()


@check(claimed=_scores)
def told_steps_are_a_row_s_own(subject: Subject) -> None:
    """log_prob given some steps doesn't depend on the rows beside, nor on their lengths.

    Six sequences of 2 to 7 steps together and alone, of which the first 0 to 5 are told, all of
    one, and where the model knows it every second. Beyond rounding in double precision. Of a
    NextToken model log p(rest | beginning) is log p(all) − log p(beginning) besides.
    """
    told = torch.tensor(_TOLD)
    numbers = tuple((told + torch.tensor([2, 2, 0, 2, 2, 3])).tolist())
    data = Sequences.of(subject, numbers, "told steps")
    known = supported(lambda: _require_own(subject, data, first_steps(data.x, told)))
    supported(lambda: _require_own(subject, data, every_second(data.x, 1)))
    if known and NextToken in subject.model.provides:
        whole, begun = _score(subject, data, None), _score(subject, data.beginnings(told), None)
        given = _score(subject, data, first_steps(data.x, told))
        if not close(given, whole - begun, _ROUNDING):
            _wrong(f"{given[:3].tolist()}, where it is {(whole - begun)[:3].tolist()}")


def _require_own(subject: Subject, data: Sequences, mask: Ragged) -> None:
    together = _score(subject, data, mask)
    rows = zip(data.single(), mask, strict=True)
    alone = torch.cat([_score(subject, one, Ragged.of([steps])) for one, steps in rows])
    if not close(together, alone, _ROUNDING):
        _wrong(f"{together[:3].tolist()} for rows together, {alone[:3].tolist()} for each alone")


def _score(subject: Subject, data: Sequences, mask: Ragged | None) -> Tensor:
    model: Any = subject.exact
    with torch.no_grad():
        return model.log_prob(data.x, observed=mask, condition=data.condition)


def _rests(subject: Subject) -> dict[str, Rest]:
    """Give the ways to go on that are looked at, by name."""
    free = steps_to_go(subject.model.space)
    starts = list(Sequences.of(subject, (1 + free, 3 + free, 3), "going on").x)
    masks = [torch.arange(len(row)) < len(row) - free for row in starts]
    short, long = zip(starts[:2], masks[:2], strict=True)
    between = torch.tensor([False, True, free == 1])
    return {
        "after one step": Rest(subject, *short, beside=long),
        "after three steps": Rest(subject, *long, beside=short),
        "around a step": Rest(subject, starts[2], between, beside=None),
    }


def _wrong(received: str) -> None:
    raise ConformanceError(
        "log_prob(x, observed=mask) is log p(rest | told steps)",
        received=received,
        remedy="Add up, row by row, the figures of the steps where call.observed is False.",
    )


CHECKS = (
    samples_have_the_steps_that_are_told,
    sequences_go_on_by_the_density,
    the_rest_of_a_sequence_is_scored_given_what_is_told,
    told_steps_are_a_row_s_own,
)
