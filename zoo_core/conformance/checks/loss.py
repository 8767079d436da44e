"""Checks of the loss: one finite number a row, for each objective."""

from __future__ import annotations

from typing import Any

import torch

from zoo_core.conformance.check import check
from zoo_core.conformance.claims import has_loss
from zoo_core.conformance.columns import is_continuous
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.model import Model, provided

_ROWS = 6


def _has_loss(subject: Subject) -> bool:
    """Claim to be trained by gradient."""
    model = subject.model
    own = has_loss(model) and type(model)._loss is not DensityModel._loss
    by_gradient = type(model)._fit is Model._fit
    trained = any(p.requires_grad for p in model.parameters())
    claimed = trained and (own or (by_gradient and provided(model, DensityModel)))
    return claimed and not subject.refuses_training


@check(claimed=_has_loss)
def the_loss_is_one_number_a_row(subject: Subject) -> None:
    """Each objective's loss is `[n]`, finite, and has a gradient for parameters that it trains.

    A mean over the batch would make weights of rows, and the division of a batch among
    processes, wrong in silence.
    """
    model = subject.copy().train()
    codes = _codes(subject)
    batch = Batch(subject.foreign_rows(_ROWS, "loss"), codes)
    for objective in model.objectives:
        loss = model.loss(batch, objective=objective.name, rng=subject.rng("loss"))
        if loss.shape != (_ROWS,) or not bool(torch.isfinite(loss).all()):
            raise ConformanceError(
                f"The loss of {_ROWS} rows is {_ROWS} finite numbers",
                received=f"shape {list(loss.shape)}, {loss.detach().flatten()[:3].tolist()}",
                remedy="Reduce over the entries of a row; the loop takes the mean over rows.",
            )
        named = dict(model.named_parameters())
        trained = [p for n, p in named.items() if objective.trains(n) and p.requires_grad]
        gradients = torch.autograd.grad(loss.sum(), trained, allow_unused=True)
        if trained and not any(g is not None and bool((g != 0).any()) for g in gradients):
            raise ConformanceError(
                f"The loss {objective.name} has a gradient for the parameters that it trains",
                received="none",
                remedy="Keep the way from parameters to the loss free of detach and no_grad.",
            )


@check(claimed=_has_loss)
def the_loss_of_a_row_is_its_own(subject: Subject) -> None:
    """In evaluation mode the loss of a row has a gradient with respect to that row alone.

    Asked of floating spaces: the derivative of the first row's loss by the other rows is zero.
    """
    model: Any = subject.exact
    space = model.space
    if not is_continuous(space) or space.ragged or model.preprocessing.dequantizes:
        return
    x = subject.foreign_rows(_ROWS, "loss").to(model.dtype).requires_grad_()  # pyright: ignore[reportAttributeAccessIssue]
    loss = model.loss(Batch(x, _codes(subject)), rng=subject.rng("loss"))
    if not loss.requires_grad:
        return
    (gradient,) = torch.autograd.grad(loss[0], x, allow_unused=True)
    if gradient is not None and bool((gradient[1:] != 0).any()):
        raise ConformanceError(
            "The loss of a row depends on that row alone",
            received="a derivative by another row",
            remedy="Reduce over the entries of a row, never over rows.",
        )


def _codes(subject: Subject) -> Any:
    conditions = subject.conditions(_ROWS, "loss")
    return None if conditions is None else subject.model._codes_of(conditions, _ROWS)


CHECKS = (the_loss_is_one_number_a_row, the_loss_of_a_row_is_its_own)
