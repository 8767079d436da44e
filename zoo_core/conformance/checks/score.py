"""Checks of scores: gradients of log-densities and energies are the derivatives of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, is_density, provides
from zoo_core.conformance.columns import continuous, is_continuous
from zoo_core.conformance.subject import Subject
from zoo_core.conformance.target import flattened, target_of
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.energy import Energy

_ROWS, _STEP = 8, 1e-5
_TOLERANCE = 1e-3
"""Relative to 1 + the size: solvers and iterative inverses stop by their own tolerance."""


def _differentiable(subject: Subject) -> bool:
    """Claim a space with real numbers, whose densities have gradients."""
    return is_continuous(subject.model.space)


@check(claimed=both(is_density, _differentiable))
def the_gradient_of_log_prob_is_its_derivative(subject: Subject) -> None:
    """The gradient of log_prob with respect to the data is finite, and the derivative of it.

    Eight rows that the model didn't make, in random directions: autograd against central
    differences in double precision, at one noise, to 1e-3 of 1 + their size. A part that is
    detached shows, and one that is taken out of the graph by `.data` or `no_grad`. Rows where
    the density is 0 are left out. Of a mixed table the directions are those of its real columns.
    """
    target = target_of(subject)
    x = _rows(subject, target.space.shape)
    _require_derivative(subject, x, target.differentiable, "log_prob")


@check(claimed=both(provides(Energy), _differentiable))
def the_gradient_of_the_energy_is_its_derivative(subject: Subject) -> None:
    """The gradient of the energy with respect to the data is finite, and the derivative of it.

    Langevin dynamics follow it. As for log_prob.
    """
    if subject.model.space.ragged:
        raise Skip("the energies of sequences aren't looked at")
    model: Any = subject.exact
    told = subject.condition()
    x = _rows(subject, subject.model.space.shape)
    _require_derivative(subject, x, lambda x: model.energy(x, condition=told), "energy")


def _rows(subject: Subject, shape: tuple[int, ...]) -> Tensor:
    x: Any = subject.foreign_rows(_ROWS, "gradients")
    values = x.values if subject.model.space.ragged else x
    return values.reshape(_ROWS, *shape).double()


def _require_derivative(
    subject: Subject, x: Tensor, function: Callable[[Tensor], Tensor], what: str
) -> None:
    direction = torch.randn(x.shape, generator=subject.rng("directions"), dtype=x.dtype)
    direction = direction * continuous(flattened(subject.model.space))
    x = x.requires_grad_()
    value = function(x)
    gradient = torch.zeros_like(x)
    if value.requires_grad:
        (found,) = torch.autograd.grad(value.sum(), x, allow_unused=True)
        gradient = gradient if found is None else found
    seen = (gradient * direction).flatten(1).sum(1)
    with torch.no_grad():
        ends = [function(x + sign * _STEP * direction) for sign in (1, -1)]
    inside = value.isfinite() & ends[0].isfinite() & ends[1].isfinite()
    if not bool(inside.any()):
        raise Skip("no row is where the density is positive")
    seen, wanted = seen[inside], ((ends[0] - ends[1]) / (2 * _STEP))[inside]
    if not close(seen, wanted, _TOLERANCE):
        raise ConformanceError(
            f"The gradient of {what} is finite, and the derivative of its values",
            received=f"{seen[:3].tolist()} by autograd, {wanted[:3].tolist()} by differences",
            remedy="Keep _log_prob and _energy free of detach, .data and no_grad; make divisors "
            "harmless before torch.where.",
        )


CHECKS = (
    the_gradient_of_log_prob_is_its_derivative,
    the_gradient_of_the_energy_is_its_derivative,
)
