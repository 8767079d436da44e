"""Checks of lower bounds: below the truth, and nearer to it with more samples."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.figures import (
    Options,
    Reference,
    figures,
    figures_of,
    named,
    options_of,
    reference,
)
from zoo_core.conformance.subject import Subject
from zoo_core.interfaces.density import DensityKind

_CALLS, _ROWS, _MANY = 24, 256, 4096
_SAMPLES = 8
"""How many times as many samples a better bound gets."""
_TOLERANCE = 5e-3
"""Nats, for the errors of quadrature and of what solves equations."""

_bounds = figures_of(DensityKind.LOWER_BOUND)


def _counts_samples(subject: Subject) -> bool:
    """Claim that a bound takes the number of its samples as the option `samples`."""
    model: Any = subject.model
    return "samples" in getattr(type(model), "LogProbOptions", type(model).Config).model_fields


@check(claimed=_bounds)
def the_bound_integrates_to_at_most_one(subject: Subject) -> Evidence:
    """A lower bound, averaged over its noise, is nowhere so high that it integrates above 1.

    For any density r, the integral of exp(bound) is at least exp(E_r[bound − log r]) (Jensen
    1906), so that this mean is at most 0. As r stands the bound itself, a mean of four, divided
    by its integral over one or two dimensions or its sum over all codes, and the mean is over
    6144 draws of r with noise of their own: of a tight bound that integrates to 1.05 it is .05.
    Where other options give the exact density, it is r, and rows may be any; of more dimensions
    or codes r is a law fitted to samples, which leaves the bound more room. Bounds with the
    option `samples` are held so with eight times as many too, which are r then. A bound that is
    .3 nats too high is caught with probability > .99 where its noise has a standard deviation
    of 1, and one that is .02 too high where it has no noise.
    """
    p_values, seen = {}, []
    for options in options_of(subject, DensityKind.LOWER_BOUND):
        every = _refined(subject, options)
        held = reference(subject, every[-1], loose=True)
        for more in every:
            excess, name = _excess(subject, more, held), named(more)
            p_values[name] = positive(excess - held.error - _TOLERANCE)
            seen.append(f"E[bound − log r] = {float(excess.mean()):.3g}, {name}")
    return Evidence(p_values, "; ".join(seen))


@check(claimed=both(_bounds, _counts_samples))
def the_bound_rises_with_samples(subject: Subject) -> Evidence:
    """A bound of K samples rises as K does, at least half as far as averaging their weights takes.

    `LogProbOptions.samples` is K: the bound is log of the mean of K importance weights, and
    E[L_K] rises with K (Burda et al. 2016, theorem 1), strictly where weights vary. Of eight
    independent L_K the logarithm of the mean of exp is one L_8K, so it tells how far the rise is;
    less than half of it is refused, on 4096 rows, each with its own noise. K ignored, and
    logarithms averaged instead of weights, are caught with probability > .99 where log-weights
    have a standard deviation of 1.2.
    """
    p_values, seen = {}, []
    for options in options_of(subject, DensityKind.LOWER_BOUND):
        low, high = _refined(subject, options)
        x = reference(subject, high, loose=True).draw(_MANY, subject.rng("rows"))[0]
        few = torch.stack([figures(subject, x, low, f"few {i}") for i in range(_SAMPLES)])
        many = figures(subject, x, high, "many")
        alone = figures(subject, x, low, "alone")
        rise = few.logsumexp(0) - math.log(_SAMPLES) - few.mean(0)
        name = named(options)
        p_values[name] = positive(alone + rise / 2 - many)
        seen.append(
            f"a rise by {float((many - alone).mean()):.3g} where {float(rise.mean()):.3g} "
            f"is right, {name}"
        )
    return Evidence(p_values, "; ".join(seen))


def positive(numbers: Tensor) -> float:
    """Test that independent numbers `[n]` of one law have a mean of 0 at most.

    The sum over the root of the sum of squares is near a standard normal number, or below it, if
    the mean is 0; n equal ones, whatever they are, count as √n standard deviations.
    """
    root = numbers.square().sum().sqrt()
    return 1.0 if root == 0 else math.erfc(float(numbers.sum() / root) / math.sqrt(2)) / 2


def _refined(subject: Subject, options: Options) -> list[Options]:
    """Give the options, and where there are samples to count, with more of them too."""
    if not _counts_samples(subject):
        return [options]
    model: Any = subject.model
    parsed = model.LogProbOptions.parse(options)
    if not isinstance(parsed.samples, int):
        raise Skip("the option `samples` is no number")
    return [options, {**options, "samples": _SAMPLES * parsed.samples}]


def _excess(subject: Subject, options: Options, held: Reference) -> Tensor:
    """Give the mean of bound − log r over draws of r, one a call `[calls]`."""
    rng, found = subject.rng("draws of r"), []
    for call in range(_CALLS):
        x, log_density = held.draw(_ROWS, rng)
        found.append((figures(subject, x, options, f"call {call}") - log_density).mean())
    return torch.stack(found)


CHECKS = (the_bound_integrates_to_at_most_one, the_bound_rises_with_samples)
