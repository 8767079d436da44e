"""Checks of densities: an exact one integrates to one and is what samples follow."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance import target_promises as promises
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import both, density_is, is_density, is_generator, without_noise
from zoo_core.conformance.columns import is_continuous
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.subject import Subject
from zoo_core.conformance.target import Target, target_of
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space

_ROWS = 9
_ROUNDING = 1e-7

_exact = density_is(DensityKind.EXACT)


@check(claimed=_exact)
def the_density_integrates_to_one(subject: Subject) -> Evidence | None:
    """The density integrates, or the mass sums, to one.

    In double precision, under one condition; of sequences, those of three steps. Discrete spaces
    of up to 100 000 rows are enumerated; counts until what twice as many would add is below 1e-9,
    and a mixed table over its codes and its real columns, at most two of them and some hundreds of
    codes. Over one or two floating dimensions the integral is by
    adaptive quadrature of the whole space, infinite tails and all, refined where samples lie and
    where a scan finds the density to rise; it may be off by .005 and twice the quadrature's own
    error estimate, so that bits for nats, a forgotten log-determinant, scale or constant and a
    power of 1.05 always show. Where that estimate is above .05 nothing is said. In more
    dimensions the test is statistical and takes the sampler for right, so that a failure may be
    the sampler's: of 16 384 rows each is drawn from the model or from a law fitted to other
    samples, as a coin falls, and the density is held against the coins (bridge sampling, Meng &
    Wong 1996). In six dimensions a log-density that is off by .2 nats is caught with probability
    > .99, and so is a power of 1.05. Skipped there for a model that makes no samples.
    """
    return promises.integrates_to_one(target_of(subject), subject.rng("quadrature"))


@check(claimed=both(_exact, is_generator))
def samples_follow_the_density(subject: Subject) -> Evidence:
    """Samples follow the density.

    In double precision, under one condition. 12 000 samples over one or two dimensions, over
    codes and counts that can be enumerated, or over both, are counted in about 40 cells of equal
    probability (χ²) and where hardly any should be, and their mean log-density and moments are
    held against integrals. In
    more dimensions some 8000 samples stand among as many draws of a law fitted to others, and the
    density must say how likely each is a sample (noise-contrastive estimation's labels, Gutmann
    & Hyvärinen 2012): in all, at each level of log-density, by mean log-density and by moments.
    The density is normalised first in few dimensions, so that a wrong constant is not a wrong
    sampler. A scale wrong by 5%, 2% of rows drawn three times as wide, a lost mode of a tenth of
    the mass, Student's tails of 5 degrees of freedom and a lost correlation of .3 are each caught
    with probability > .99 in one, two and six dimensions.
    """
    return promises.samples_follow(target_of(subject), subject.rng("samples of the density"))


@check(claimed=without_noise)
def log_prob_of_shuffled_rows_is_shuffled(subject: Subject) -> None:
    """The log_prob of rows in another order, with their conditions, is in that order.

    Nine rows, each with a condition of its own; beyond rounding in double precision.
    """
    model: Any = subject.exact
    x, codes = subject.rows(_ROWS, "shuffling"), subject.conditions(_ROWS, "shuffling")

    def scored(rows: Tensor) -> Tensor:
        told = None if codes is None else codes[rows]
        with torch.no_grad():
            return model.log_prob(x[rows], condition=told, rng=subject.rng("noise"))

    order = torch.arange(_ROWS).roll(4).flip(0)
    promises.require_order(scored(torch.arange(_ROWS))[order], scored(order), _ROUNDING)


def _floating(subject: Subject) -> bool:
    return is_continuous(subject.model.space)


@check(claimed=both(is_density, _floating))
def log_prob_of_far_rows_is_a_number(subject: Subject) -> None:
    """The log_prob of rows up to 1e4 away is a number or −∞, never NaN.

    In spaces with ends the rows are spread over all of it. In double precision.
    """
    promises.scores_are_numbers(target_of(subject), subject.rng("far rows"))


@check(claimed=is_density)
def the_gradient_is_finite(subject: Subject) -> None:
    """The gradients of log_prob with respect to floating x and to the parameters are finite.

    At samples, at rows that the model didn't make, at zero and at equal entries, wherever the
    density is positive. In double precision.
    """
    target, rng = target_of(subject), subject.rng("gradient")
    x = _flat(subject.rows(_ROWS, "gradient"), target.space)
    x = promises.interesting_rows(target.space, x, rng)
    _parameters_have_gradients(subject.exact, target, x)
    if is_continuous(target.space):
        promises.gradient_is_finite(target, x)


def _flat(x: Tensor | Ragged, space: Space) -> Tensor:
    values = x.values.reshape(len(x), *space.shape) if isinstance(x, Ragged) else x
    return values if space.kind.discrete else values.double()


def _parameters_have_gradients(model: Model, target: Target, x: Tensor) -> None:
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    likely = x[target.log_prob(x).isfinite()]
    if not named or not len(likely):
        return
    with torch.enable_grad():
        total = target.differentiable(likely).sum()
    if total.requires_grad:
        found = torch.autograd.grad(total, list(named.values()), allow_unused=True)
        for name, gradient in zip(named, found, strict=True):
            if gradient is not None:
                promises.require_finite(gradient, name)


CHECKS = (
    the_density_integrates_to_one,
    samples_follow_the_density,
    log_prob_of_shuffled_rows_is_shuffled,
    log_prob_of_far_rows_is_a_number,
    the_gradient_is_finite,
)
