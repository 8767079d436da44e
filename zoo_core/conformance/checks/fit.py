"""Checks of fitting: it helps, it repeats, weights count, and bad data change nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close, same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.checks.classifier import told_its_class
from zoo_core.conformance.claims import both, has_loss
from zoo_core.conformance.refusal import instead_of
from zoo_core.conformance.statistics.rank_tests import matrix
from zoo_core.conformance.subject import Subject
from zoo_core.errors import (
    ConditionError,
    ConformanceError,
    DataError,
    PluginMissingError,
)
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.model import Model, provided
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Kind

_ROWS, _TOLERANCE = 96, 1e-4
_TRAINER: Mapping[str, Any] = {"batch_size": 32, "progress": "none"}
_RATE = 0.02
_ATTEMPTS = ((12, _RATE), (40, 0.1 * _RATE))
"""Steps and rate of a short training: quick for a small model, or slow for a large one."""


def _untold(subject: Subject) -> bool:
    return not subject.model.is_given


def _fits_itself(subject: Subject) -> bool:
    """Claim a fit of its own, in closed form or by EM, which needs no trainer."""
    return type(subject.model)._fit is not Model._fit


def _trains(subject: Subject) -> bool:
    """Claim to be fitted by a trainer."""
    model = subject.model
    has_weights = any(p.requires_grad for p in model.parameters())
    claimed = not _fits_itself(subject) and has_loss(model) and has_weights
    return claimed and not subject.refuses_training


def _fits(subject: Subject) -> bool:
    return _fits_itself(subject) or _trains(subject)


_claimed = both(_untold, _fits)


@check(claimed=_claimed)
def fitting_improves_the_held_out_figure(subject: Subject) -> None:
    """After a fit, rows that it hasn't seen are more probable than before it.

    An untrained model of the same configuration is fitted to 96 rows, by its own fit or by 12
    steps of the trainer, and where these were too large for it by 40 smaller ones; mean log_prob
    of 128 others must rise. Of a model without a density, or of an energy, whose log_prob isn't
    normalised, the loss must fall. Real data are of two clusters around 0.25 and 1.25, so that
    even a standard normal is no good model of them; classes go with the data. Skipped for several
    objectives, which need not fall together.
    """
    before, after = 0.0, 0.0
    for steps, rate in _ATTEMPTS:
        model: Any = subject.built(seed=1)
        if len(model.objectives) > 1:
            raise Skip("a model of several objectives has no one figure")
        before = _figure(model.eval(), subject)
        _fit(model, subject, steps=steps, rate=rate)
        after = _figure(model.eval(), subject)
        if after > before or _fits_itself(subject):
            break
    if not after > before:
        raise ConformanceError(
            "A fit improves the figure of rows that it hasn't seen",
            received=f"{before:.4g} before it, {after:.4g} after it, in nats a row",
            remedy="Look at the sign of the loss, and whether the fit sets the model's tensors.",
        )


@check(claimed=_claimed)
def a_seeded_fit_repeats_to_the_bit(subject: Subject) -> None:
    """Two fits of the same model by the same rng leave the same tensors, to the bit.

    The second one runs with torch's global generator at another seed, which is put back. By 4
    steps of the trainer where there is no fit of its own.
    """
    first: Any = subject.to_fit()
    second = copy.deepcopy(first)
    _fit(first, subject, steps=4)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        _fit(second, subject, steps=4)
    changed = _changed(first.state_dict(), second)
    if changed:
        raise ConformanceError(
            "A fit is a function of the model, the data and the rng",
            received=f"another {changed} from the same seed",
            remedy="Draw with generator=request.rng; shuffle by torch.randperm(…, generator=…).",
        )


@check(claimed=both(_claimed, _fits_itself))
def a_weight_of_two_is_a_row_twice(subject: Subject) -> None:
    """A fit of rows with weights 0, 1 and 2 is that of the rows repeated so often.

    For models with a fit of their own. In double precision the log_prob of other rows agrees to
    1e-4, since iterations may stop one step apart; of a model without log_prob, each tensor.
    Skipped where the outcome of the fit depends on the rng, for then the draws differ.
    """
    count = torch.arange(_ROWS) % 3
    x, told = _rows(subject, _ROWS, "training")
    repeated = torch.repeat_interleave(torch.arange(_ROWS), count)
    fewer = None if told is None else told[repeated]
    plain = _fitted(subject, x[repeated], fewer, None, "fit")
    if not _agree(plain, _fitted(subject, x[repeated], fewer, None, "another fit"), subject):
        raise Skip("the outcome of its fit depends on the rng")
    weighted = _fitted(subject, x, told, count.double(), "fit")
    if not _agree(plain, weighted, subject):
        raise ConformanceError(
            "A row of weight 2 counts like the row twice, one of weight 0 like none",
            received="another model",
            remedy="Multiply each row's statistics by its weight.",
        )


@check(claimed=_claimed)
def weights_of_one_change_nothing(subject: Subject) -> None:
    """A fit of rows that all weigh 1 is the fit without weights, beyond rounding.

    In double precision, to 1e-4 in the log_prob of other rows, or of a model without one in each
    tensor. By 2 steps of the trainer where there is no fit of its own.
    """
    x, told = _rows(subject, _ROWS, "training")
    plain = _fitted(subject, x, told, None, "fit")
    if not _agree(plain, _fitted(subject, x, told, torch.ones(_ROWS), "fit"), subject):
        raise ConformanceError(
            "Rows that all weigh 1 are rows without weights",
            received="another model",
            remedy="Take the mean of the rows by their weights, Σwl / Σw.",
        )


@check(claimed=_claimed)
def bad_data_are_refused_before_anything_changes(subject: Subject) -> None:
    """NaN, a wrong shape, no rows, wrong numbers of conditions or weights: an error, no change.

    DataError or ConditionError; after it every tensor is what it was, to the bit, and the model
    is in the mode in which it was.
    """
    model: Any = subject.to_fit().eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for what, arguments in _bad_requests(subject).items():
        seen = instead_of(
            (DataError, ConditionError),
            lambda arguments=arguments: _call_fit(model, subject, arguments, steps=1),
        )
        changed = _changed(before, model) or ("mode" if model.training else "")
        if seen or changed:
            raise ConformanceError(
                "A fit refuses bad data before anything has changed",
                received=f"{seen or 'an error'} for {what}; changed: {changed or 'nothing'}",
                remedy="Say in _space() what one sample is; look at all data, then set tensors.",
            )


def _rows(subject: Subject, n: int, purpose: str) -> tuple[Any, Any]:
    """Give rows to fit, real ones moved away from a standard normal's, with conditions.

    Where the condition is the class, it goes with the row: of classes that have nothing to do
    with the data no classifier can learn anything.
    """
    x: Any = subject.foreign_rows(n, purpose)
    told = _class_of(subject, x) if told_its_class(subject) else subject.conditions(n, purpose)
    if subject.model.space.kind is Kind.REAL:
        x = Ragged(0.5 * x.values + 1, x.lengths) if isinstance(x, Ragged) else 0.5 * x + 1
    return x, told


def _class_of(subject: Subject, x: Tensor | Ragged) -> Tensor:
    """Give a class a row, about as many rows each, by a random projection of its entries."""
    model: Any = subject.model
    many = matrix(subject.foreign_rows(1024, "classes to fit"))
    direction = torch.randn(many.shape[1], generator=subject.rng("classes"), dtype=many.dtype)
    direction = direction / many.std(0).clamp_min(1e-6)
    shares = torch.arange(1, model.classes, dtype=many.dtype) / model.classes
    ends = (many @ direction).quantile(shares)
    return torch.bucketize(matrix(x) @ direction, ends)


def _fit(model: Any, subject: Subject, *, steps: int, rate: float = _RATE) -> None:
    x, told = _rows(subject, _ROWS, "training")
    _call_fit(model, subject, {"data": x, "condition": told}, steps=steps, rate=rate)


def _call_fit(
    model: Any,
    subject: Subject,
    arguments: Mapping[str, Any],
    *,
    steps: int,
    rate: float = _RATE,
    rng: str = "fit",
) -> None:
    """Fit by the model's own fit, or by few steps of the trainer. Raises Skip without one."""
    trainer = {**_TRAINER, "steps": steps, "learning_rate": rate}
    options = {} if _fits_itself(subject) else trainer
    try:
        model.fit(**arguments, rng=subject.rng(rng), **options)
    except PluginMissingError as error:
        raise Skip(f"no trainer is installed: {error.remedy}") from None


def _fitted(subject: Subject, x: Any, told: Any, weight: Tensor | None, rng: str) -> Model:
    """Fit a model in double precision."""
    model = subject.to_fit().double()
    _call_fit(model, subject, {"data": x, "condition": told, "weight": weight}, steps=2, rng=rng)
    return model.eval()


def _agree(a: Model, b: Model, subject: Subject) -> bool:
    """Say whether two models are nearly the same: in log_prob, or tensor by tensor."""
    if provided(a, DensityModel) and provided(b, DensityModel):
        x, told = _rows(subject, 32, "held out")
        scores = [_scores(model, x, told, subject) for model in (a, b)]
        return close(scores[0], scores[1], _TOLERANCE)
    tensors = b.state_dict()
    return all(close(tensor, tensors[name], _TOLERANCE) for name, tensor in a.state_dict().items())


def _scores(model: DensityModel, x: Any, told: Any, subject: Subject) -> Tensor:
    with torch.no_grad():
        return model.log_prob(x, condition=told, rng=subject.rng("noise")).double()


def _figure(model: Any, subject: Subject) -> float:
    """Give the mean log_prob of held-out rows, or minus their mean loss."""
    x, told = _rows(subject, 128, "held out")
    normalized = (
        provided(model, DensityModel) and model.density.kind is not DensityKind.UNNORMALIZED
    )
    if normalized:
        return float(_scores(model, x, told, subject).mean())
    codes = None if told is None else model._codes_of(told, len(x))
    if not has_loss(model):
        raise Skip("it has neither a density nor a loss to be compared")
    with torch.no_grad():
        return -float(model.loss(Batch(x, codes), rng=subject.rng("noise")).mean())


def _changed(before: Mapping[str, Tensor], model: Model) -> str:
    """Name the first tensor that isn't what it was."""
    after = model.state_dict()
    return next((name for name, tensor in before.items() if not same(after[name], tensor)), "")


def _bad_requests(subject: Subject) -> dict[str, dict[str, Any]]:
    x, told = _rows(subject, 8, "training")
    good = {"data": x, "condition": told}
    bad = {
        "one weight too few": {**good, "weight": torch.ones(7)},
        "a negative weight": {**good, "weight": torch.arange(8.0) - 1},
        "weights that are all zero": {**good, "weight": torch.zeros(8)},
    }
    for what, data in _bad_data(x).items():
        bad[what] = {"data": data, "condition": told}
    if told is not None:
        bad["no condition"] = {"data": x}
        bad["one condition too few"] = {"data": x, "condition": told[:7]}
    return bad


def _bad_data(x: Tensor | Ragged) -> dict[str, Any]:
    """Spoil rows: a value outside of every space, an entry more, no rows."""
    values = x.values if isinstance(x, Ragged) else x
    outside, deeper = values.clone(), torch.stack([values, values], -1)
    if values.numel():
        outside.view(-1)[-1] = torch.inf if values.is_floating_point() else -2
    spoiled: dict[str, Any] = {"a value outside the space": outside, "a dimension more": deeper}
    if isinstance(x, Ragged):
        return {what: Ragged(bad, x.lengths) for what, bad in spoiled.items()}
    return {**spoiled, "no rows": values[:0]}


CHECKS = (
    fitting_improves_the_held_out_figure,
    a_seeded_fit_repeats_to_the_bit,
    a_weight_of_two_is_a_row_twice,
    weights_of_one_change_nothing,
    bad_data_are_refused_before_anything_changes,
)
