"""Checks of estimates: the truth lies where their noise says."""

from __future__ import annotations

import torch

from zoo_core.conformance.check import check
from zoo_core.conformance.checks.lower_bound import positive
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.figures import figures, figures_of, named, options_of, reference
from zoo_core.conformance.subject import Subject
from zoo_core.interfaces.density import DensityKind

_CALLS, _ROWS = 18, 64
_TOLERANCE = 5e-3
"""Nats, for the errors of quadrature and of what solves equations."""


@check(claimed=figures_of(DensityKind.ESTIMATE))
def the_estimate_is_unbiased_within_its_noise(subject: Subject) -> Evidence:
    """The truth lies between the harmonic and the arithmetic mean of an estimate's exponentials.

    An estimate L of log p promises that E[exp(−L)] ≥ 1/p and E[exp(L)] ≥ p over its noise. Both
    hold if the mean of L is log p, as of Hutchinson's trace, if that of exp(L) is p, as of
    importance sampling, and if that of exp(−L) is 1/p, as of a log-partition function by annealed
    importance sampling (Jensen 1906). What is left to a bias is half the variance of the noise.
    Where other options give the exact density, that is the truth of each row. Else r, the
    estimate itself divided by its integral or sum, stands for it: the means of r exp(−L) and of
    exp(L)/r over draws of r are at least 1 too. 1152 rows in 18 calls. A bias of .1 nats is
    caught with probability > .99 where the noise has a standard deviation of .1.
    """
    p_values, seen = {}, []
    for options in options_of(subject, DensityKind.ESTIMATE):
        held, rng, differences = reference(subject, options), subject.rng("draws of r"), []
        for call in range(_CALLS):
            x, log_density = held.draw(_ROWS, rng)
            differences.append(figures(subject, x, options, f"call {call}") - log_density)
        difference = torch.stack(differences)
        for sign, what in ((1, "below"), (-1, "above")):
            means = (sign * difference).exp().mean(1)
            p_values[f"{what} the truth, {named(options)}"] = positive(
                1 - held.error - _TOLERANCE - means
            )
        seen.append(f"a mean error of {float(difference.mean()):.3g}, {named(options)}")
    return Evidence(p_values, "; ".join(seen))


CHECKS = (the_estimate_is_unbiased_within_its_noise,)
