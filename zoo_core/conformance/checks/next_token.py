"""Checks of NextToken: codes that come next, with a cache and without."""

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
from zoo_core.interfaces.next_token import Cache, NextToken

_LENGTHS = (2, 0, 5, 1, 3)
_ROUNDING = 1e-7
"""Relative, in double precision."""


@check(claimed=provides(NextToken))
def next_codes_are_a_distribution(subject: Subject) -> None:
    """The probabilities of the code that comes next add up to 1, after prefixes of any length.

    In double precision to rounding, after five prefixes of 0 to 5 steps.
    """
    prefix = Sequences.of(subject, _LENGTHS, "next codes")
    total = _next(subject.exact, prefix)[0].logsumexp(1)
    if not close(total, torch.zeros_like(total), _ROUNDING):
        raise ConformanceError(
            "The probabilities of the next code add up to 1",
            received=f"sums {_told(total.exp())} after prefixes of {list(_LENGTHS)} steps",
            remedy="Give log_softmax(logits) over all levels of the space.",
        )


@check(claimed=provides(NextToken, DensityModel))
def log_prob_is_the_sum_over_next_codes(subject: Subject) -> None:
    """The log_prob of a sequence is the sum of the log-probabilities of each code after its prefix.

    Five sequences of 0 to 5 steps are read code by code, each time the whole prefix. A density
    that looks at the code that it scores, or a step too far back, shows; so does one that spends
    probability on the end of the sequence.
    """
    model: Any = subject.exact
    if model.density.kind is not DensityKind.EXACT:
        raise Skip(f"log_prob is {model.density.kind}")
    data = Sequences.of(subject, _LENGTHS, "sums over codes")
    with torch.no_grad():
        log_prob = model.log_prob(data.x, condition=data.condition)
    summed = torch.zeros_like(log_prob)
    for t in range(max(_LENGTHS)):
        rows = (data.x.lengths > t).nonzero()[:, 0]
        longer = data.take(rows)
        here = torch.stack([row[t] for row in longer.x])
        figures = _next(model, longer.beginnings(torch.full((len(rows),), t)))[0]
        summed[rows] += figures.gather(1, here[:, None])[:, 0]
    if not close(log_prob, summed, _ROUNDING):
        raise ConformanceError(
            "log_prob(x) is the sum of the next codes' log-probabilities, lengths given",
            received=f"{_told(log_prob)}, and sums {_told(summed)}",
            remedy="Score code t by what the model says after the codes before t, 0 of them first.",
        )


@check(claimed=provides(NextToken))
def a_cache_changes_nothing(subject: Subject) -> None:
    """Prefixes that are read piece by piece with a cache give what they give at once without.

    Five prefixes of 0 to 5 steps go on by one, by one to three, and by one step again. A cache
    that misses a step, forgets how long each prefix was or mixes the rows shows.
    """
    model, before = subject.exact, torch.tensor(_LENGTHS)
    gains = torch.tensor([[1, 1, 1, 1, 1], [3, 1, 2, 1, 2], [1, 1, 1, 1, 1]])
    whole = Sequences.of(subject, tuple((before + gains.sum(0)).tolist()), "caches")
    _, cache = _next(model, whole.beginnings(before))
    for gain in gains:
        cached, cache = _next(model, whole.pieces(before, gain), cache)
        before = before + gain
        plain, _ = _next(model, whole.beginnings(before))
        _require_equal(
            cached,
            plain,
            rule="A cache changes no figure",
            remedy="Keep all that later codes depend on, for each row, after its own last step.",
        )


@check(claimed=provides(NextToken))
def next_codes_do_not_depend_on_the_rows_beside(subject: Subject) -> None:
    """What comes next after a prefix is the same alone and among prefixes of other lengths.

    Five prefixes of 0 to 5 steps together and one by one. Padding that is read as if it were
    data shows.
    """
    prefix = Sequences.of(subject, _LENGTHS, "prefixes beside")
    together = _next(subject.exact, prefix)[0]
    alone = [_next(subject.exact, one)[0] for one in prefix.single()]
    _require_equal(
        together,
        torch.cat(alone),
        rule="What comes next doesn't depend on the prefixes beside",
        remedy="Mask the padding; read each row at its own last step.",
    )


def _next(model: Any, prefix: Sequences, cache: Cache | None = None) -> tuple[Tensor, Cache]:
    with torch.no_grad():
        return model.next_log_prob(prefix.x, condition=prefix.condition, cache=cache)


def _require_equal(seen: Tensor, expected: Tensor, *, rule: str, remedy: str) -> None:
    if not close(seen, expected, _ROUNDING):
        row = int((seen - expected).abs().nan_to_num(torch.inf).amax(1).argmax())
        raise ConformanceError(
            rule,
            received=f"{_told(seen[row])} in row {row}, where {_told(expected[row])} is right",
            remedy=remedy,
        )


def _told(numbers: Tensor) -> str:
    return ", ".join(f"{number:.4g}" for number in numbers.tolist()[:6])


CHECKS = (
    next_codes_are_a_distribution,
    log_prob_is_the_sum_over_next_codes,
    a_cache_changes_nothing,
    next_codes_do_not_depend_on_the_rows_beside,
)
