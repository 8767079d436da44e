"""Checks of StateModel: filter, smoother and best path against the sum over all paths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import provides
from zoo_core.conformance.sequences import Sequences
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import provided
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.state_model import StateModel

_PATHS = 1024
"""How many paths of states are enumerated, at most."""
_LONG = 200
_LENGTHS = (3, 0, 1, 4, 2)
_ROUNDING = 1e-7
"""Relative, in double precision."""
_NIL = -500.0
"""Log-probabilities below it count as equal: models that work in probabilities have 0 there."""


@check(claimed=provides(StateModel))
def states_have_probabilities(subject: Subject) -> None:
    """At each step the filtered and the smoothed probabilities of the states add up to 1.

    Sequences of unequal lengths in double precision; of a model that samples, one of 200 steps
    in its own precision too, where products of probabilities are 0.
    """
    _require_sums(subject.exact, Sequences.of(subject, _LENGTHS, "states"), _ROUNDING)
    if provided(subject.model, Generator):
        _require_sums(subject.model, Sequences.of(subject, (_LONG,), "many states"), 1e-3)


@check(claimed=provides(StateModel, DensityModel))
def paths_add_up_to_the_density(subject: Subject) -> None:
    """The probabilities of a sequence with each path of states add up to its own.

    All paths over up to six steps are enumerated; without steps the one path has probability 1.
    """
    model: Any = subject.exact
    if model.density.kind is not DensityKind.EXACT:
        raise Skip(f"log_prob is {model.density.kind}")
    data = Sequences.of(subject, (*_lengths(subject), 0), "sums over paths")
    summed = torch.stack([_joint(model, one)[1].logsumexp(0) for one in data.single()])
    with torch.no_grad():
        log_prob = model.log_prob(data.x, condition=data.condition)
    _require(
        summed,
        log_prob,
        rule="log p(x, path) summed over all paths is log p(x)",
        remedy="Count the first state, each move and each step's data once.",
    )


@check(claimed=provides(StateModel))
def the_filter_is_that_of_enumeration(subject: Subject) -> None:
    """Filtered probabilities are those of the last state over all paths through the prefix.

    Each prefix of six sequences of up to six steps is enumerated.
    """
    model: Any = subject.exact
    data = _with_missing(subject, Sequences.of(subject, _lengths(subject), "filters"))
    truth = []
    for one in data.single():
        ends = torch.arange(1, len(one.x.values) + 1).split(1)
        truth += [_posterior(model, one.beginnings(end))[-1] for end in ends]
    _require(
        model.filter(data.x, condition=data.condition).values,
        torch.stack(truth),
        rule="The filter gives log p(z_t | x_1 … x_t)",
        remedy="Normalise the forward variable at each step; leave out the steps to come.",
    )


@check(claimed=provides(StateModel))
def the_smoother_is_that_of_enumeration(subject: Subject) -> None:
    """Smoothed probabilities are those of each step's state over all paths.

    Six sequences of up to six steps are enumerated.
    """
    model: Any = subject.exact
    data = _with_missing(subject, Sequences.of(subject, _lengths(subject), "smoothers"))
    _require(
        model.smooth(data.x, condition=data.condition).values,
        torch.cat([_posterior(model, one) for one in data.single()]),
        rule="The smoother gives log p(z_t | x)",
        remedy="Normalise the product of the forward and the backward variable at each step.",
    )


@check(claimed=provides(StateModel))
def viterbi_finds_the_best_path(subject: Subject) -> None:
    """No path is more probable than the one that Viterbi's algorithm gives, with its figure.

    All paths of 24 sequences of up to six steps are enumerated.
    """
    model: Any = subject.exact
    lengths = _lengths(subject) * 4
    data = _with_missing(subject, Sequences.of(subject, lengths, "best paths"))
    path, said = model.viterbi(data.x, condition=data.condition)
    best = torch.stack([_joint(model, one)[1].amax() for one in data.single()])
    with torch.no_grad():
        own = model.path_log_prob(data.x, path, condition=data.condition)
    _require(
        said,
        own,
        rule="Viterbi's figure is log p(x, path) of its path",
        remedy="Count the first state and each step's data in the score.",
    )
    _require(
        own,
        best,
        rule="Viterbi's path is the most probable one",
        remedy="Maximise over whole paths: the best states one by one are no best path.",
    )


@check(claimed=provides(StateModel))
def the_last_state_is_filtered_as_smoothed(subject: Subject) -> None:
    """At a sequence's last step the filter equals the smoother: nothing is left to come.

    For models of any number of states, four sequences of unequal lengths.
    """
    model: Any = subject.exact
    data = Sequences.of(subject, (4, 1, 3, 2), "last states")
    ends = data.x.lengths.cumsum(0) - 1
    _require(
        model.filter(data.x, condition=data.condition).values[ends],
        model.smooth(data.x, condition=data.condition).values[ends],
        rule="Filter and smoother agree at the last step",
        remedy="Begin the backward variable with 1 at each sequence's own last step.",
    )


@check(claimed=provides(StateModel))
def states_do_not_depend_on_the_sequences_beside(subject: Subject) -> None:
    """Filter, smoother and best path are the same alone and among sequences of other lengths.

    Five sequences of 0 to 4 steps together and one by one; without steps the best path has
    probability 1. Padding that is read as if it were data shows.
    """
    data = Sequences.of(subject, _LENGTHS, "sequences beside")
    together = _answers(subject.exact, data)
    alone = [_answers(subject.exact, one) for one in data.single()]
    for name, seen in together.items():
        _require(
            seen,
            torch.cat([answers[name] for answers in alone]),
            rule=f"{name} doesn't depend on the sequences beside",
            remedy="Mask the padding; end each sequence at its own last step.",
        )
    empty = together["viterbi"][_LENGTHS.index(0)]
    _require(
        empty,
        torch.zeros_like(empty),
        rule="A sequence without steps has probability 1",
        remedy="Leave the first state out where there is no first step.",
    )


def _answers(model: Any, data: Sequences) -> dict[str, Tensor]:
    told = {"condition": data.condition}
    return {
        "filter": model.filter(data.x, **told).values,
        "smooth": model.smooth(data.x, **told).values,
        "viterbi": model.viterbi(data.x, **told)[1],
    }


def _require_sums(model: Any, data: Sequences, tolerance: float) -> None:
    for name, method in (("filtered", model.filter), ("smoothed", model.smooth)):
        total = method(data.x, condition=data.condition).values.logsumexp(1)
        if not close(total, torch.zeros_like(total), tolerance):
            raise ConformanceError(
                f"The {name} probabilities of the states add up to 1",
                received=f"a sum of {total.exp()[total.abs().nan_to_num(torch.inf).argmax()]:.6g}",
                remedy="Work with logarithms, and subtract their logsumexp over the states.",
            )


def _lengths(subject: Subject) -> tuple[int, ...]:
    """Choose lengths of sequences all of whose paths can be enumerated."""
    model: Any = subject.model
    longest = max((t for t in range(1, 7) if model.n_states**t <= _PATHS), default=0)
    if longest < 2:
        raise Skip(f"{model.n_states} states have too many paths to enumerate")
    return (longest, longest - 1, longest, 1, longest - 1, longest)


def _with_missing(subject: Subject, data: Sequences) -> Sequences:
    """Take away every third step, where the space lets steps be missing."""
    space = subject.model.space
    if not space.missing:
        return data
    values = data.x.values.clone()
    values[1::3] = -1 if space.kind.discrete else torch.nan
    return Sequences(Ragged(values, data.x.lengths), data.condition)


def _joint(model: Any, one: Sequences) -> tuple[Tensor, Tensor]:
    """Give every path `[paths, steps]` of one sequence, and log p(x, path) of each."""
    states, steps = torch.arange(model.n_states), len(one.x.values)
    paths = torch.cartesian_prod(*[states] * steps).reshape(-1, steps) if steps else None
    paths = states.new_zeros(1, 0) if paths is None else paths
    repeated = one.take(torch.zeros(len(paths), dtype=torch.int64))
    path = Ragged(paths.flatten(), torch.full((len(paths),), steps))
    with torch.no_grad():
        return paths, model.path_log_prob(repeated.x, path, condition=repeated.condition)


def _posterior(model: Any, one: Sequences) -> Tensor:
    """Give log p(z_t | x) `[steps, S]` of one sequence, from every path."""
    paths, log_joint = _joint(model, one)
    others = paths[:, :, None] != torch.arange(model.n_states)
    per_state = log_joint[:, None, None].expand(others.shape).masked_fill(others, -torch.inf)
    return per_state.logsumexp(0) - log_joint.logsumexp(0)


def _require(seen: Tensor, expected: Tensor, *, rule: str, remedy: str) -> None:
    seen, expected = seen.clamp_min(_NIL), expected.clamp_min(_NIL)
    if not close(seen, expected, _ROUNDING):
        worst = int((seen - expected).abs().nan_to_num(torch.inf).argmax())
        raise ConformanceError(
            rule,
            received=f"{seen.flatten()[worst]:.6g}, where {expected.flatten()[worst]:.6g} is right",
            remedy=remedy,
        )


CHECKS = (
    states_have_probabilities,
    paths_add_up_to_the_density,
    the_filter_is_that_of_enumeration,
    the_smoother_is_that_of_enumeration,
    viterbi_finds_the_best_path,
    the_last_state_is_filtered_as_smoothed,
    states_do_not_depend_on_the_sequences_beside,
)
