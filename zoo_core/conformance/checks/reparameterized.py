"""Checks of reparameterised samples: of the same law, with their density and their gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close, same
from zoo_core.conformance.check import check
from zoo_core.conformance.checks.generator import drawn
from zoo_core.conformance.claims import both, density_is, is_generator, provides
from zoo_core.conformance.columns import is_all_continuous
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.statistics.rank_tests import matrix, swapped, two_samples
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.reparameterized import Reparameterized

_ROWS = 256
_STEP = 1e-5
_TOLERANCE = 1e-3
"""Relative to 1 + the size: solvers and iterative inverses stop by their own tolerance."""
_GROUPS, _GROUP = 48, 256

Function = Callable[[Tensor], Tensor]


def _floating(subject: Subject) -> bool:
    space = subject.model.space
    return is_all_continuous(space) and not space.ragged


def _trains(subject: Subject) -> bool:
    return any(p.requires_grad for p in subject.model.parameters())


_claimed = both(provides(Reparameterized), _floating)
_exact = both(_claimed, density_is(DensityKind.EXACT))


@check(claimed=_claimed)
def reparameterized_samples_repeat(subject: Subject) -> None:
    """The same seed of `rng` gives the same samples and densities to the bit; another, others."""
    x, log_prob = _rsample(subject.model, subject, 8, "repeat")
    again, same_log_prob = _rsample(subject.model, subject, 8, "repeat")
    other, _ = _rsample(subject.model, subject, 8, "another")
    repeated = same(x, again) and same(log_prob, same_log_prob)
    if not repeated or same(x, other):
        raise ConformanceError(
            "Reparameterised samples are a function of the rng",
            received="the same samples from another rng" if repeated else "other samples",
            remedy="Draw with generator=call.rng, and keep nothing between calls.",
        )


@check(claimed=both(_claimed, is_generator))
def reparameterized_samples_follow_sample(subject: Subject) -> Evidence:
    """Samples of `rsample` and of `sample` have one law.

    256 of each, by rank tests of random projections in location and spread. A shift by one
    standard deviation and a scale that is wrong by a factor of 2 are caught with probability
    > .98, a factor of 1.5 with .8 where a row has one entry and > .99 where it has more.
    """
    x, _ = _rsample(subject.model, subject, _ROWS, "reparameterized")
    plain = drawn(subject, _ROWS, subject.rng("plain"))
    return Evidence(two_samples(matrix(x.detach()), matrix(plain), subject.rng("projections")))


@check(claimed=_exact)
def their_log_density_is_log_prob(subject: Subject) -> None:
    """The log-density that comes with a sample is log_prob of that sample, in value and gradient.

    In double precision, to 1e-3 of 1 + its size, since inverses and solvers of differential
    equations stop by their own tolerance. Samples on the very end of the unit interval are left
    out. The gradient is that of the mean, in a random direction of each parameter tensor.
    """
    model: Any = copy.deepcopy(subject.exact)
    x, log_prob = _rsample(model, subject, 32, "densities")
    inside = _inside(x, subject)
    scored = model.log_prob(x, condition=subject.condition())
    if not close(log_prob[inside].detach(), scored[inside].detach(), _TOLERANCE):
        _wrong_density(log_prob[inside], scored[inside])
    if not _trains(subject) or not bool(inside.any()):
        return
    direction = _direction(model, subject)
    seen = _derivatives(log_prob[inside].mean(), model, direction)
    wanted = _derivatives(scored[inside].mean(), model, direction)
    if not close(seen, wanted, _TOLERANCE):
        _wrong_density(seen, wanted)


@check(claimed=both(_exact, _trains))
def reparameterized_gradients_are_those_of_the_expectation(subject: Subject) -> Evidence:
    """Gradients through samples are those of expectations with respect to the parameters.

    In a random direction of the parameters, in double precision, for the mean of random cosines
    of the entries. Where each sample moves with the parameters, the derivative through the
    samples equals the difference quotient at common random numbers to 1e-3, and nothing is left
    to chance. Else, as with the implicit gradients of a mixture, 48 groups of 256 samples compare
    it, for each parameter tensor, with the score-function estimate E[f ∂ log p] (Williams 1992,
    eq. 5), whose expectation is the same. A derivative that misses one tensor of a normal
    distribution or a mixture is then caught with probability > .8.
    """
    model: Any = copy.deepcopy(subject.exact)
    direction, function = _direction(model, subject), _cosines(model, subject)
    x, _ = _rsample(model, subject, _ROWS, "gradients")
    if not x.requires_grad:
        raise ConformanceError(
            "Reparameterised samples carry gradients",
            received="samples without a graph",
            remedy="Keep _rsample free of detach and no_grad.",
        )
    through = _derivatives(function(x).mean(), model, direction).sum()
    quotient = _quotient(model, subject, function, direction)
    if close(through, quotient, _TOLERANCE):
        return Evidence({"difference quotient": 1.0})
    differences = torch.stack(
        [_differences(model, subject, function, direction, group) for group in range(_GROUPS)], 1
    )
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    p_values = {name: swapped(row) for name, row in zip(names, differences, strict=True)}
    told = f"{float(through):.3g} through the samples, {float(quotient):.3g} by differences"
    return Evidence(p_values, received=told)


def _rsample(model: Any, subject: Subject, n: int, purpose: str) -> tuple[Tensor, Tensor]:
    return model.rsample(n, condition=subject.condition(), rng=subject.rng(purpose))


def _inside(x: Tensor, subject: Subject) -> Tensor:
    """Mark rows that lie off the ends to which a map of the unit interval clamps."""
    if subject.model.space.kind.value != "unit":
        return torch.ones(len(x), dtype=torch.bool)
    return ((x > 1e-6) & (x < 1 - 1e-6)).flatten(1).all(1)


def _trained(model: Model) -> list[Tensor]:
    return [p for p in model.parameters() if p.requires_grad]


def _direction(model: Model, subject: Subject) -> list[Tensor]:
    rng = subject.rng("direction")
    return [torch.randn(p.shape, generator=rng, dtype=p.dtype) for p in _trained(model)]


def _cosines(model: Any, subject: Subject) -> Function:
    """Give a function of rows: the sum of a random cosine of each standardised entry."""
    with torch.no_grad():
        x, _ = _rsample(model, subject, _ROWS, "scale of the function")
    mean, scale = x.mean(0), x.std(0).clamp_min(1e-6)
    rng = subject.rng("function")
    frequency, phase = torch.randn(2, *x.shape[1:], generator=rng, dtype=x.dtype)

    def function(rows: Tensor) -> Tensor:
        angles = (1 + frequency.abs()) * (rows - mean) / scale + 3 * phase
        return angles.cos().reshape(len(rows), -1).sum(1)

    return function


def _derivatives(value: Tensor, model: Model, direction: list[Tensor]) -> Tensor:
    """Give a number's derivative along a direction of each parameter tensor."""
    if not value.requires_grad:
        return value.new_zeros(len(direction))
    gradients = torch.autograd.grad(value, _trained(model), allow_unused=True, retain_graph=True)
    pairs = zip(gradients, direction, strict=True)
    return torch.stack([value.new_zeros(()) if g is None else (g * d).sum() for g, d in pairs])


@contextmanager
def _moved(model: Model, direction: list[Tensor], step: float) -> Iterator[None]:
    """Move the parameters along a direction, without a graph, and back."""
    before = [p.detach().clone() for p in _trained(model)]
    with torch.no_grad():
        for parameter, d in zip(_trained(model), direction, strict=True):
            parameter.add_(step * d)
        yield
        for parameter, old in zip(_trained(model), before, strict=True):
            parameter.copy_(old)


def _quotient(model: Any, subject: Subject, function: Function, direction: list[Tensor]) -> Tensor:
    """Give the central difference quotient of the mean at common random numbers."""
    means = []
    for step in (_STEP, -_STEP):
        with _moved(model, direction, step):
            means.append(function(_rsample(model, subject, _ROWS, "gradients")[0]).mean())
    return (means[0] - means[1]) / (2 * _STEP)


def _differences(
    model: Any, subject: Subject, function: Function, direction: list[Tensor], group: int
) -> Tensor:
    """Give derivatives through a group's samples minus the score-function estimates of them."""
    x, _ = _rsample(model, subject, _GROUP, f"group {group}")
    value = function(x)
    through = _derivatives(value.mean(), model, direction)
    log_prob = model.log_prob(x.detach(), condition=subject.condition())
    centred = value.detach() - value.detach().mean()
    # Centring by the group's own mean takes 1/n off the covariance, which n/(n − 1) gives back.
    estimate = (centred * log_prob).sum() / (len(x) - 1)
    return through - _derivatives(estimate, model, direction)


def _wrong_density(seen: Tensor, wanted: Tensor) -> None:
    first, second = seen.detach().reshape(-1), wanted.detach().reshape(-1)
    raise ConformanceError(
        "The log-density of a reparameterised sample is its log_prob, gradient and all",
        received=f"{first[:2].tolist()} for {second[:2].tolist()}",
        remedy="Take off the log-determinant of the map that made the sample.",
    )


CHECKS = (
    reparameterized_samples_repeat,
    reparameterized_samples_follow_sample,
    their_log_density_is_log_prob,
    reparameterized_gradients_are_those_of_the_expectation,
)
