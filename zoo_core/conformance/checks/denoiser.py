"""Checks of Denoiser: pairs of data and noise, levels, conditions, gradients, paths."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, conditional, provides
from zoo_core.conformance.noising import ROWS, STEPS, gap, named, noised, path_of, predict
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.denoiser import Denoiser
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction

_ROUNDING = 1e-7
"""Relative, in double precision."""

_denoises = provides(Denoiser)


@check(claimed=_denoises)
def predictions_make_up_the_noised_data(subject: Subject) -> None:
    """The predicted data and noise add up to what was given: x = alpha·x0 + sigma·eps.

    Six rows at each of six levels of a path, the clean end among them, in double precision to
    rounding. Two networks of their own for x0 and eps, or a conversion with the wrong level, show.
    """
    for noise in path_of(subject):
        x = noised(subject, noise)
        prediction = _denoise(subject, x, noise)
        together = noise.add(prediction.x0, prediction.eps)
        if not close(together, x, _ROUNDING):
            raise ConformanceError(
                "x is alpha times the predicted x0 plus sigma times the predicted eps",
                received=f"off by {gap(together, x):.2g} at {named(noise)}",
                remedy="Predict one thing, and complete it by Prediction.from_x0, from_eps or "
                "from_v.",
            )


@check(claimed=_denoises)
def without_noise_data_are_themselves(subject: Subject) -> None:
    """At alpha 1 and sigma 0 the predicted data are x, and the predicted noise is finite.

    Six rows in double precision, to rounding: whoever knows x knows x0.
    """
    x = noised(subject, Noise(1.0, 0.0))
    prediction = _denoise(subject, x, Noise(1.0, 0.0))
    if not close(prediction.x0, x, _ROUNDING) or not bool(prediction.eps.isfinite().all()):
        raise ConformanceError(
            "Without noise the predicted data are x, and the predicted noise is finite",
            received=f"x0 off by {gap(prediction.x0, x):.2g}, eps {prediction.eps.flatten()[:3]}",
            remedy="Prediction.from_x0 takes care of it; divide by sigma nowhere else.",
        )


@check(claimed=_denoises)
def a_row_is_denoised_by_itself(subject: Subject) -> None:
    """The prediction of a row knows the row's own data, noise and condition, and no other row's.

    Six rows, each at another level of a path, together and one by one, in double precision to
    rounding. The first row's level used for all shows, and so do statistics of the batch.
    """
    levels = path_of(subject)
    alpha = torch.tensor([float(level.alpha) for level in levels], dtype=torch.float64)
    sigma = torch.tensor([float(level.sigma) for level in levels], dtype=torch.float64)
    x = noised(subject, Noise(alpha, sigma))
    codes = subject.conditions(ROWS)
    together = predict(subject.exact, x, Noise(alpha, sigma), codes)
    for i, level in enumerate(levels):
        told = None if codes is None else codes[[i]]
        alone = predict(subject.exact, x[[i]], level, told)
        if not close(together.x0[[i]], alone.x0, _ROUNDING):
            raise ConformanceError(
                "A row is denoised by its own noise, data and condition",
                received=f"x0 off by {gap(together.x0[[i]], alone.x0):.2g} in row {i}, at "
                f"{named(level)}, between alone and among others",
                remedy="`noise` has a level for each row: noise.over(x), or its log_snr, [n].",
            )


@check(claimed=_denoises)
def the_noise_changes_the_prediction(subject: Subject) -> None:
    """The same x under much noise and under little are predicted to be other data.

    Six rows between the two levels nearest the ends of a path of five steps. A network that
    isn't told the level shows.
    """
    levels = path_of(subject)
    x = noised(subject, levels[STEPS // 2])
    noisy, clear = (_denoise(subject, x, levels[i]).x0 for i in (1, -2))
    if close(noisy, clear, _ROUNDING):
        raise ConformanceError(
            "What is predicted depends on the noise that the denoiser is told",
            received=f"the same x0 at {named(levels[1])} and at {named(levels[-2])}",
            remedy="Give the network the level, for example as an embedding of noise.log_snr.",
        )


@check(claimed=both(_denoises, conditional))
def the_condition_changes_the_prediction(subject: Subject) -> None:
    """The same x at the same level, under another condition, are predicted to be other data.

    Six rows in the middle of a path, under two conditions.
    """
    if subject.model.is_given or bool((_two(subject)[0] == _two(subject)[1]).all()):
        raise Skip("there are no two conditions to choose from")
    noise = path_of(subject)[STEPS // 2]
    x = noised(subject, noise)
    first, second = (predict(subject.exact, x, noise, told).x0 for told in _two(subject))
    if close(first, second, _ROUNDING):
        raise ConformanceError(
            "What is predicted depends on the condition",
            received=f"the same x0 under two conditions, at {named(noise)}",
            remedy="Use call.context.",
        )


@check(claimed=_denoises)
def predictions_carry_gradients(subject: Subject) -> None:
    """The gradient of predicted data with respect to x is finite at every level, and not absent.

    Guidance by a likelihood of the predicted data needs it. Six rows at each of six levels, the
    clean end among them; a prediction that was detached shows, and 0/0 at an end of the path.
    """
    model: Any = subject.exact
    for noise in path_of(subject):
        x = noised(subject, noise).requires_grad_()
        x0 = model.denoise(x, noise, condition=subject.conditions(ROWS)).x0
        if not x0.requires_grad:
            raise ConformanceError("Predicted data are differentiable in x", received="no gradient")
        (slope,) = torch.autograd.grad(x0.sum(), x, allow_unused=True)
        if slope is None or not bool(slope.isfinite().all()):
            raise ConformanceError(
                "The gradient of predicted data is finite",
                received=f"{'none' if slope is None else slope.flatten()[:3]} at {named(noise)}",
                remedy="Make divisors harmless before torch.where, not by it.",
            )


@check(claimed=_denoises)
def the_path_leads_from_noise_to_data(subject: Subject) -> None:
    """Along a path the signal-to-noise ratio rises strictly, up to clean data, alpha 1, sigma 0.

    Paths of one, two and five steps. One that runs the other way, stands still or stops short of
    the data shows.
    """
    model: Any = subject.model
    for steps in (1, 2, STEPS):
        path = model.path(steps)
        ratios = [float(noise.log_snr) for noise in path]
        rising = all(here < there for here, there in itertools.pairwise(ratios))
        clean = (float(path[-1].alpha), float(path[-1].sigma)) == (1.0, 0.0)
        if not rising or not clean:
            raise ConformanceError(
                "A path rises in log-SNR and ends with alpha 1 and sigma 0",
                received=f"log-SNR {[round(r, 3) for r in ratios]}, the end {named(path[-1])}",
                remedy="_path(steps) lists the most noisy level first and Noise(1.0, 0.0) last.",
            )


def _denoise(subject: Subject, x: Tensor, noise: Noise) -> Prediction:
    return predict(subject.exact, x, noise, subject.conditions(ROWS))


def _two(subject: Subject) -> tuple[Any, Any]:
    first, second = (torch.as_tensor(subject.condition(which)) for which in (0, 1))
    return first, second


CHECKS = (
    predictions_make_up_the_noised_data,
    without_noise_data_are_themselves,
    a_row_is_denoised_by_itself,
    the_noise_changes_the_prediction,
    the_condition_changes_the_prediction,
    predictions_carry_gradients,
    the_path_leads_from_noise_to_data,
)
