"""Checks of SufficientStatistics: sums over rows, and the steps that a model takes from them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close, same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import provides
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.sequences import Sequences
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics

_ROWS = 24
_ROUNDING = 1e-7
"""Relative, in double precision."""
_STEPS = 4
_SAMPLES = 4096


@check(claimed=provides(SufficientStatistics))
def statistics_of_parts_add_up(subject: Subject) -> None:
    """The statistics of two sets of rows, added, are those of all rows.

    24 rows at once, against parts of 1, 7 and 16. Means where sums were meant, and statistics
    that depend on how rows are batched, show.
    """
    data = _rows(subject, "parts")
    parts = torch.arange(_ROWS).split([1, 7, _ROWS - 8])
    first, *others = [_statistics(subject.exact, data.take(part)) for part in parts]
    for other in others:
        first = first + other
    _require_close(
        first,
        _statistics(subject.exact, data),
        rule="Statistics of parts add up to those of the whole",
        remedy="Give sums over rows, and divide in update(); batch rows alone decide nothing.",
    )


@check(claimed=provides(SufficientStatistics))
def weights_count_rows(subject: Subject) -> None:
    """A row that weighs 3 counts as three rows; one that weighs 0 isn't there.

    24 rows with weights 0 to 3, against as many repeated rows.
    """
    data = _rows(subject, "weights")
    times = torch.arange(_ROWS) % 4
    repeated = data.take(torch.arange(_ROWS).repeat_interleave(times))
    _require_close(
        _statistics(subject.exact, data, times),
        _statistics(subject.exact, repeated),
        rule="A weight counts a row so many times",
        remedy="Multiply each row's share of every sum by its weight, once.",
    )


@check(claimed=provides(SufficientStatistics))
def statistics_scale_with_the_weights(subject: Subject) -> None:
    """Statistics times a number are those of rows that weigh so much more each.

    24 rows of weights between 0.5 and 1.5, and 2.5 times those weights.
    """
    data = _rows(subject, "scales")
    weight = _weight(subject)
    _require_close(
        2.5 * _statistics(subject.exact, data, weight),
        _statistics(subject.exact, data, 2.5 * weight),
        rule="Statistics are proportional to the weights",
        remedy="Count weights wherever rows are counted.",
    )


@check(claimed=provides(SufficientStatistics))
def statistics_change_nothing(subject: Subject) -> None:
    """Asking for statistics leaves the model as it was, and gives the same again to the bit."""
    model, data = subject.copy(), _rows(subject, "pure")
    before = _state(model)
    first, second = _statistics(model, data), _statistics(model, data)
    changed = [name for name, tensor in _state(model).items() if not same(tensor, before[name])]
    if changed:
        raise ConformanceError(
            "Asking for statistics changes no tensor",
            received=f"another {', '.join(changed[:3])}",
            remedy="Change parameters in update() alone.",
        )
    _require_close(
        first, second, rule="The same rows have the same statistics", remedy="Draw nothing."
    )


@check(claimed=provides(SufficientStatistics))
def an_update_changes_values_alone(subject: Subject) -> None:
    """An update changes tensors in place: not their shapes, types or names, nor the statistics.

    In the model's own precision and in double precision. None is NaN afterwards, not even where
    all rows weigh 0.
    """
    for model in (subject.copy(), subject.copy().double()):
        _require_updated(model, _statistics(model, _rows(subject, "updates")))
        _require_updated(model, 0.0 * _statistics(model, _rows(subject, "updates")))


@check(claimed=provides(SufficientStatistics))
def an_update_follows_the_statistics(subject: Subject) -> None:
    """Statistics of other rows make another model.

    Twelve rows and twelve others, each weighing a hundred.
    """
    data = _rows(subject, "followed")
    halves = [data.take(part) for part in torch.arange(_ROWS).split(_ROWS // 2)]
    states = []
    for half in halves:
        model: Any = subject.copy()
        model.update(100 * _statistics(model, half))
        states.append(_state(model))
    if all(same(tensor, states[1][name]) for name, tensor in states[0].items()):
        raise ConformanceError(
            "Statistics of other rows make another model",
            received="the same tensors, to the bit",
            remedy="Set the parameters from the statistics in update().",
        )


@check(claimed=provides(SufficientStatistics, DensityModel))
def a_step_never_lowers_the_likelihood(subject: Subject) -> None:
    """A step of EM never lowers Σ weight · log p(x) + log_prior().

    Four steps on 24 weighted rows, in double precision; then four on the same rows that weigh a
    hundredth, by which a prior that `log_prior` doesn't tell of draws the model away from them;
    then four where they weigh a hundredfold, by which nothing else may change.
    """
    model: Any = subject.copy().double()
    data = _scored_rows(subject, model)
    weight = _weight(subject)
    for share in (1.0, 0.01, 100.0):
        _require_rising(model, data, share * weight)


def _require_rising(model: Any, data: Batch, weight: Tensor) -> None:
    before = _objective(model, data, weight)
    for step in range(1, _STEPS + 1):
        model.update(_statistics(model, data, weight))
        after = _objective(model, data, weight)
        if not after >= before - _ROUNDING * (1 + abs(before)):
            raise ConformanceError(
                "A step of EM never lowers Σ weight · log p(x) + log_prior()",
                received=f"{before:.6g} nats before step {step}, {after:.6g} after it",
                remedy="Set the parameters that maximise the expected log-likelihood; say by "
                "_log_prior() what else they maximise.",
            )
        before = after


@check(claimed=provides(SufficientStatistics, DensityModel, Generator))
def samples_teach_the_model_itself(subject: Subject) -> Evidence:
    """A step of EM from many samples of the model itself leaves it the same model, nearly.

    The model p is updated to q by 4096 of its samples, each weighing 1000, so that a prior has no
    say; on 4096 others, the drop D = Σ log p − log ½(p + q) is at most (5/8) χ² with as many
    degrees of freedom as numbers have changed, for the maximum of the likelihood asymptotically
    (Wilks 1938), for a step of EM, which goes less far, all the more. One half of p keeps D
    finite where q has never seen a code. A scale of a Gaussian that is wrong by 15% in each of
    two dimensions is caught with probability > .99.
    """
    model: Any = subject.copy().double()
    _require_exact(model)
    data, fresh = _samples(subject, "taught"), _samples(subject, "held out")
    before, scores = _state(model), _log_prob(model, fresh)
    model.update(1000 * _statistics(model, data))
    drop = float((scores - torch.logaddexp(scores, _log_prob(model, fresh)) + math.log(2)).sum())
    moved = sum(int((tensor != before[name]).sum()) for name, tensor in _state(model).items())
    return Evidence(
        {"drop in log-likelihood": _chi_square_tail(drop / (5 / 8), max(moved, 1))},
        received=f"{drop:.3g} nats lost on {_SAMPLES} rows, {moved} numbers learnt",
    )


def _chi_square_tail(value: float, freedom: int) -> float:
    """Give P(χ² ≥ value)."""
    half = torch.tensor([freedom / 2, max(value, 0.0) / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(half[0], half[1]))


def _rows(subject: Subject, purpose: str) -> Batch:
    """Give rows of the model's own, and their conditions; sequences of unequal lengths."""
    if subject.model.space.ragged:
        made = Sequences.of(subject, (3, 1, 4, 2) * (_ROWS // 4), purpose)
        return Batch(made.x, made.condition)
    return Batch(subject.rows(_ROWS, purpose), subject.conditions(_ROWS, purpose))


def _samples(subject: Subject, purpose: str) -> Batch:
    return Batch(subject.rows(_SAMPLES, purpose), subject.conditions(_SAMPLES, purpose))


def _scored_rows(subject: Subject, model: Any) -> Batch:
    """Give rows far from the model, or its own where those have no probability."""
    _require_exact(model)
    far = Batch(subject.foreign_rows(_ROWS, "steps"), subject.conditions(_ROWS, "steps"))
    return far if bool(_log_prob(model, far).isfinite().all()) else _rows(subject, "steps")


def _weight(subject: Subject) -> Tensor:
    return 0.5 + torch.rand(_ROWS, generator=subject.rng("weights"), dtype=torch.float64)


def _require_exact(model: Any) -> None:
    if model.density.kind is not DensityKind.EXACT:
        raise Skip(f"log_prob is {model.density.kind}")


def _statistics(model: Any, data: Batch, weight: Tensor | None = None) -> Stats:
    return model.statistics(data.x, condition=data.condition, weight=weight)


def _log_prob(model: Any, data: Batch) -> Tensor:
    with torch.no_grad():
        return model.log_prob(data.x, condition=data.condition)


def _objective(model: Any, data: Batch, weight: Tensor) -> float:
    with torch.no_grad():
        return float(weight @ _log_prob(model, data) + model.log_prior())


def _state(model: Any) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _require_updated(model: Any, stats: Stats) -> None:
    """Update, and look at what has changed."""
    tensors = dict(model.state_dict())
    form = {name: _form(tensor) for name, tensor in tensors.items()}
    sums = {name: tensor.clone() for name, tensor in stats.tensors.items()}
    model.update(stats)
    after = dict(model.state_dict())
    faults = [f"a tensor {name}, come or gone" for name in form.keys() ^ after.keys()]
    faults += [
        f"another {name}" for name in form if name in after and _form(after[name]) != form[name]
    ]
    faults += [f"NaN in {name}" for name, tensor in after.items() if bool(tensor.isnan().any())]
    faults += [f"other statistics {name}" for name in sums if not same(sums[name], stats[name])]
    if faults:
        raise ConformanceError(
            "An update changes the values of tensors, in place, and nothing else",
            received=", ".join(faults[:3]),
            remedy="Write parameter.copy_(…); keep a parameter that no row tells about.",
        )


def _form(tensor: Tensor) -> tuple[torch.Size, torch.dtype, int]:
    """Give what an update in place leaves as it is: shape, type, place in memory."""
    return tensor.shape, tensor.dtype, tensor.data_ptr()


def _require_close(seen: Stats, expected: Stats, *, rule: str, remedy: str) -> None:
    for name, wanted in expected.tensors.items():
        if not close(seen[name], wanted, _ROUNDING):
            gap = (seen[name] - wanted).abs().amax().item()
            raise ConformanceError(rule, received=f"{name} differs by {gap:.3g}", remedy=remedy)


CHECKS = (
    statistics_of_parts_add_up,
    weights_count_rows,
    statistics_scale_with_the_weights,
    statistics_change_nothing,
    an_update_changes_values_alone,
    an_update_follows_the_statistics,
    a_step_never_lowers_the_likelihood,
    samples_teach_the_model_itself,
)
