"""Checks of Matcher: figures of how well data and conditions go together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, conditional, density_is, provides
from zoo_core.conformance.columns import is_continuous
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.matcher import Matcher
from zoo_core.interfaces.model import provided
from zoo_core.interfaces.noise import Noise

_ROWS = 6
_ROUNDING = 1e-7
"""Relative, in double precision."""

_matches = both(provides(Matcher), conditional)


def _noise_aware(subject: Subject) -> bool:
    """Claim to match noised data."""
    model = subject.model
    return provided(model, Matcher) and model.noise_aware


@check(claimed=_matches)
def a_match_depends_on_the_condition(subject: Subject) -> None:
    """Matches of the same data with two conditions differ, and not by one number for all data.

    Six rows, in double precision: the difference between two conditions isn't the same for all.
    """
    first, second = _two_matches(subject)
    gap = second - first
    if close(gap, gap[:1].expand(_ROWS), _ROUNDING):
        raise ConformanceError(
            "Which condition matches better depends on the data",
            received=f"matches {first[:3].tolist()} and {second[:3].tolist()}",
            remedy="Use both x and call.context.",
        )


@check(claimed=_matches)
def a_match_does_not_depend_on_the_batch(subject: Subject) -> None:
    """The match of a row with its condition is the same alone and among others, beyond rounding.

    Six rows with six conditions, together and one by one, in double precision. A softmax over
    the batch, as losses of contrastive training take, shows.
    """
    x, codes = _rows(subject), subject.conditions(_ROWS)
    together = _match(subject, x, codes)
    rows = [torch.tensor([i]) for i in range(_ROWS)]
    alone = torch.cat([_match(subject, x[i], None if codes is None else codes[i]) for i in rows])
    if not close(together, alone, _ROUNDING):
        raise ConformanceError(
            "The match of a row doesn't depend on the rows beside it",
            received=f"{together[:3].tolist()} together, {alone[:3].tolist()} alone",
            remedy="Give the similarity of each pair; normalise over conditions, not over rows.",
        )


@check(claimed=both(_matches, density_is(DensityKind.EXACT)))
def a_match_is_the_posterior_of_the_condition(subject: Subject) -> None:
    """By Bayes' rule matches change with condition and data as log p(x given condition) does.

    log p(c | x) is log p(x | c) + log p(c), up to a number that only knows x. So what remains
    between match and log_prob, taken as a difference of two conditions, is the same for all x:
    the conditions' log-odds before x was seen. Six rows, in double precision beyond rounding.
    """
    model: Any = subject.exact
    x, first, second = _rows(subject), subject.condition(0), subject.condition(1)
    with torch.no_grad():
        odds = [model.log_prob(x, condition=told) for told in (first, second)]
    matches = _two_matches(subject)
    left = (matches[1] - matches[0]) - (odds[1] - odds[0])
    if not close(left, left[:1].expand(_ROWS), _ROUNDING):
        raise ConformanceError(
            "match(x, c) − log_prob(x, condition=c), between two conditions, is the same for all x",
            received=f"{left[:3].tolist()} for three rows",
            remedy="Give log p(c | x) in nats, for example log_prob(x, condition=c) + log p(c).",
        )


@check(claimed=_matches)
def a_match_carries_gradients(subject: Subject) -> None:
    """The gradient of a match with respect to the data is finite and not zero.

    What makes any Matcher a guidance. Six rows, in double precision.
    """
    model: Any = subject.exact
    if not is_continuous(model.space) or model.space.ragged:
        raise Skip("codes and sequences have no gradient")
    x = _rows(subject).requires_grad_()
    match = model.match(x, subject.conditions(_ROWS))
    slope = torch.autograd.grad(match.sum(), x)[0] if match.requires_grad else torch.zeros_like(x)
    if not bool(slope.isfinite().all() and slope.any()):
        raise ConformanceError(
            "A match has a finite gradient with respect to the data, not zero",
            received=f"{slope.flatten()[:3].tolist()}",
            remedy="Leave detach, argmax and no_grad out of _match.",
        )


@check(claimed=both(_matches, _noise_aware))
def without_noise_a_match_is_that_of_the_data(subject: Subject) -> None:
    """A match at alpha 1 and sigma 0 is the match of the data, and with noise it is another.

    Claimed by models that are `noise_aware`. Six rows in double precision: at no noise, beyond
    rounding; and the same rows as noised data, at alpha = sigma = √½, must match otherwise.
    """
    if subject.model.space.ragged:
        raise Skip("noise is added to arrays")
    x, codes = _rows(subject), subject.conditions(_ROWS)
    plain, real = _match(subject, x, codes), x.double()
    clean = _match(subject, real, codes, Noise(1.0, 0.0))
    noisy = _match(subject, real, codes, Noise(0.5**0.5, 0.5**0.5))
    if not close(clean, plain, _ROUNDING) or close(noisy, plain, _ROUNDING):
        raise ConformanceError(
            "A match without noise is the match of the data, one with noise isn't",
            received=f"{plain[:3].tolist()} of the data, {clean[:3].tolist()} at sigma 0, "
            f"{noisy[:3].tolist()} with noise",
            remedy="Use `noise`: p(c | x) of what alpha·x0 + sigma·eps follows.",
        )


def _two_matches(subject: Subject) -> tuple[Tensor, Tensor]:
    x, first, second = _rows(subject), subject.condition(0), subject.condition(1)
    if bool((torch.as_tensor(first) == torch.as_tensor(second)).all()):
        raise Skip("there are no two conditions to choose from")
    return _match(subject, x, first), _match(subject, x, second)


def _rows(subject: Subject) -> Any:
    x: Any = subject.rows(_ROWS)
    return x.double() if isinstance(x, Tensor) and x.is_floating_point() else x


def _match(subject: Subject, x: Any, condition: Any, noise: Noise | None = None) -> Tensor:
    model: Any = subject.exact
    with torch.no_grad():
        return model.match(x, condition, noise=noise)


CHECKS = (
    a_match_depends_on_the_condition,
    a_match_does_not_depend_on_the_batch,
    a_match_is_the_posterior_of_the_condition,
    a_match_carries_gradients,
    without_noise_a_match_is_that_of_the_data,
)
