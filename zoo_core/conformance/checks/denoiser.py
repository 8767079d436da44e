"""Checks of Denoiser: pairs of data and noise, levels, conditions, paths, means."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, conditional, density_is, is_generator, provides
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.subject import Subject
from zoo_core.conformance.target import target_of
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.denoiser import Denoiser
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction

_ROWS, _STEPS = 6, 5
_ROUNDING = 1e-7
"""Relative, in double precision."""
_DRAWS = 3000
_SMALL = 1e-4
"""Noise so small that the noised density's gradient is the density's to eight digits."""

_denoises = provides(Denoiser)


def _is_exact(subject: Subject) -> bool:
    """Claim means under the model's own density."""
    model = subject.model
    return isinstance(model, Denoiser) and model.exact


@check(claimed=_denoises)
def predictions_make_up_the_noised_data(subject: Subject) -> None:
    """The predicted data and noise add up to what was given: x = alpha·x0 + sigma·eps.

    Six rows at each of six levels of a path, the clean end among them, in double precision to
    rounding. Two networks of their own for x0 and eps, or a conversion with the wrong level, show.
    """
    for noise in _levels(subject):
        x = _noised(subject, noise)
        prediction = _denoise(subject, x, noise)
        together = noise.add(prediction.x0, prediction.eps)
        if not close(together, x, _ROUNDING):
            raise ConformanceError(
                "x is alpha times the predicted x0 plus sigma times the predicted eps",
                received=f"off by {_gap(together, x):.2g} at {_told(noise)}",
                remedy="Predict one thing, and complete it by Prediction.from_x0, from_eps or "
                "from_v.",
            )


@check(claimed=_denoises)
def without_noise_data_are_themselves(subject: Subject) -> None:
    """At alpha 1 and sigma 0 the predicted data are x, and the predicted noise is finite.

    Six rows in double precision, to rounding: whoever knows x knows x0.
    """
    x = _noised(subject, Noise(1.0, 0.0))
    prediction = _denoise(subject, x, Noise(1.0, 0.0))
    if not close(prediction.x0, x, _ROUNDING) or not bool(prediction.eps.isfinite().all()):
        raise ConformanceError(
            "Without noise the predicted data are x, and the predicted noise is finite",
            received=f"x0 off by {_gap(prediction.x0, x):.2g}, eps {prediction.eps.flatten()[:3]}",
            remedy="Prediction.from_x0 takes care of it; divide by sigma nowhere else.",
        )


@check(claimed=_denoises)
def a_row_is_denoised_by_itself(subject: Subject) -> None:
    """The prediction of a row knows the row's own data, noise and condition, and no other row's.

    Six rows, each at another level of a path, together and one by one, in double precision to
    rounding. The first row's level used for all shows, and so do statistics of the batch.
    """
    levels = _levels(subject)
    alpha = torch.tensor([float(level.alpha) for level in levels], dtype=torch.float64)
    sigma = torch.tensor([float(level.sigma) for level in levels], dtype=torch.float64)
    x = _noised(subject, Noise(alpha, sigma))
    codes = subject.conditions(_ROWS)
    together = _predict(subject.exact, x, Noise(alpha, sigma), codes)
    for i, level in enumerate(levels):
        told = None if codes is None else codes[[i]]
        alone = _predict(subject.exact, x[[i]], level, told)
        if not close(together.x0[[i]], alone.x0, _ROUNDING):
            raise ConformanceError(
                "A row is denoised by its own noise, data and condition",
                received=f"x0 off by {_gap(together.x0[[i]], alone.x0):.2g} in row {i}, at "
                f"{_told(level)}, between alone and among others",
                remedy="`noise` has a level for each row: noise.over(x), or its log_snr, [n].",
            )


@check(claimed=_denoises)
def the_noise_changes_the_prediction(subject: Subject) -> None:
    """The same x under much noise and under little are predicted to be other data.

    Six rows between the two levels nearest the ends of a path of five steps. A network that
    isn't told the level shows.
    """
    levels = _levels(subject)
    x = _noised(subject, levels[_STEPS // 2])
    noisy, clear = (_denoise(subject, x, levels[i]).x0 for i in (1, -2))
    if close(noisy, clear, _ROUNDING):
        raise ConformanceError(
            "What is predicted depends on the noise that the denoiser is told",
            received=f"the same x0 at {_told(levels[1])} and at {_told(levels[-2])}",
            remedy="Give the network the level, for example as an embedding of noise.log_snr.",
        )


@check(claimed=both(_denoises, conditional))
def the_condition_changes_the_prediction(subject: Subject) -> None:
    """The same x at the same level, under another condition, are predicted to be other data.

    Six rows in the middle of a path, under two conditions.
    """
    if subject.model.is_given or bool((_two(subject)[0] == _two(subject)[1]).all()):
        raise Skip("there are no two conditions to choose from")
    noise = _levels(subject)[_STEPS // 2]
    x = _noised(subject, noise)
    first, second = (_predict(subject.exact, x, noise, told).x0 for told in _two(subject))
    if close(first, second, _ROUNDING):
        raise ConformanceError(
            "What is predicted depends on the condition",
            received=f"the same x0 under two conditions, at {_told(noise)}",
            remedy="Use call.context.",
        )


@check(claimed=_denoises)
def predictions_carry_gradients(subject: Subject) -> None:
    """The gradient of predicted data with respect to x is finite at every level, and not absent.

    Guidance by a likelihood of the predicted data needs it. Six rows at each of six levels, the
    clean end among them; a prediction that was detached shows, and 0/0 at an end of the path.
    """
    model: Any = subject.exact
    for noise in _levels(subject):
        x = _noised(subject, noise).requires_grad_()
        x0 = model.denoise(x, noise, condition=subject.conditions(_ROWS)).x0
        if not x0.requires_grad:
            raise ConformanceError("Predicted data are differentiable in x", received="no gradient")
        (slope,) = torch.autograd.grad(x0.sum(), x, allow_unused=True)
        if slope is None or not bool(slope.isfinite().all()):
            raise ConformanceError(
                "The gradient of predicted data is finite",
                received=f"{'none' if slope is None else slope.flatten()[:3]} at {_told(noise)}",
                remedy="Make divisors harmless before torch.where, not by it.",
            )


@check(claimed=_denoises)
def the_path_leads_from_noise_to_data(subject: Subject) -> None:
    """Along a path the signal-to-noise ratio rises strictly, up to clean data, alpha 1, sigma 0.

    Paths of one, two and five steps. One that runs the other way, stands still or stops short of
    the data shows.
    """
    model: Any = subject.model
    for steps in (1, 2, _STEPS):
        path = model.path(steps)
        ratios = [float(noise.log_snr) for noise in path]
        rising = all(here < there for here, there in itertools.pairwise(ratios))
        clean = (float(path[-1].alpha), float(path[-1].sigma)) == (1.0, 0.0)
        if not rising or not clean:
            raise ConformanceError(
                "A path rises in log-SNR and ends with alpha 1 and sigma 0",
                received=f"log-SNR {[round(r, 3) for r in ratios]}, the end {_told(path[-1])}",
                remedy="_path(steps) lists the most noisy level first and Noise(1.0, 0.0) last.",
            )


@check(claimed=both(_denoises, _is_exact, density_is(DensityKind.EXACT)))
def the_score_is_the_gradient_of_log_prob(subject: Subject) -> None:
    """As noise vanishes the prediction's score becomes the gradient of log_prob.

    Claimed by exact denoisers with an exact density. Six rows with noise of 1e-4, in double
    precision, against autograd, to a relative 1e-4. A sign, a factor of alpha or sigma, and data
    in other units show.
    """
    if subject.model.space.kind.discrete or subject.model.space.ragged:
        raise Skip("only a density of arrays has a gradient")
    model: Any = subject.exact
    target, told = target_of(subject), subject.condition()
    x = torch.as_tensor(subject.rows(_ROWS)).double().requires_grad_()
    (slope,) = torch.autograd.grad(target.differentiable(x).sum(), x)
    noise = Noise(1.0, _SMALL)
    with torch.no_grad():
        score = model.denoise(x, noise, condition=told).score(noise)
    if not close(score, slope, _SMALL):
        raise ConformanceError(
            "The score −eps/sigma is the gradient of log p(x)",
            received=f"{score.flatten()[:3].tolist()}, and {slope.flatten()[:3].tolist()} "
            "by autograd",
            remedy="eps points from the data to x, against the score; x0 and eps are in data "
            "units.",
        )


@check(claimed=both(_denoises, _is_exact, is_generator))
def predicted_data_are_the_conditional_mean(subject: Subject) -> Evidence:
    """What is left of data after their prediction is uncorrelated with every function of x.

    Claimed by exact denoisers. The mean E[x0 | x] is the one prediction whose residual r has
    E[r f(x)] = 0 for all f. 3000 samples are noised at levels drawn from a path; of five
    functions the sum of r f(x) is divided by the root of its sum of squares, which makes it
    standard normal. Prediction errors that grow with x, don't average out, or change with the
    level show: data shrunk by 10% are caught with probability > .9,
    and > .99 where rows have two entries or more.
    """
    model: Any = subject.exact
    codes = subject.conditions(_DRAWS, "means")
    with torch.no_grad():
        x0 = model.sample(_DRAWS, condition=codes, rng=subject.rng("samples for means")).double()
    rng = subject.rng("noise for means")
    noise, which = _drawn_levels(subject, rng)
    x = noise.add(x0, torch.randn(x0.shape, generator=rng, dtype=torch.float64))
    residual = x0 - _predict(model, x, noise, codes).x0
    alpha, sigma = noise.over(x0)
    size = (alpha**2 + sigma**2).sqrt()
    # Residuals of clear and of noisy rows get about the same weight.
    residual = (residual * size / sigma).flatten(1)
    scores = _orthogonality(residual, (x / size).flatten(1), which, rng)
    p_values = {name: math.erfc(abs(z) / math.sqrt(2)) for name, z in scores.items()}
    return Evidence(p_values, ", ".join(f"{name} {z:.1f}" for name, z in scores.items()))


def _orthogonality(
    residual: Tensor, x: Tensor, which: Tensor, rng: torch.Generator
) -> Mapping[str, float]:
    """Give a standard normal number for each function of x that residuals may depend on."""
    x = (x - x.mean()) / x.std()
    level = (which.double() - which.double().mean())[:, None]
    u, w = torch.randn(2, x.shape[1], generator=rng, dtype=torch.float64)
    across = (residual @ u) * torch.tanh(x @ w / w.norm())
    rows = {
        "a constant": residual.sum(1),
        "x": (residual * x).sum(1),
        "cos 2x": (residual * (2 * x).cos()).sum(1),
        "x and the level": (residual * x * level).sum(1),
        "a direction of x": across,
    }
    return {name: float(row.sum() / row.square().sum().sqrt()) for name, row in rows.items()}


def _drawn_levels(subject: Subject, rng: torch.Generator) -> tuple[Noise, Tensor]:
    """Draw a level with noise for each row; give their places on the path too."""
    noisy = [level for level in _levels(subject) if float(level.sigma) > 0]
    which = torch.randint(len(noisy), (_DRAWS,), generator=rng)
    alpha, sigma = (
        torch.tensor(values, dtype=torch.float64)[which]
        for values in ([float(n.alpha) for n in noisy], [float(n.sigma) for n in noisy])
    )
    return Noise(alpha, sigma), which


def _levels(subject: Subject) -> list[Noise]:
    model: Any = subject.model
    return model.path(_STEPS)


def _noised(subject: Subject, noise: Noise) -> Tensor:
    """Give six rows of the model's space, noised, in double precision."""
    x0: Any = subject.foreign_rows(_ROWS)
    eps = torch.randn(x0.shape, generator=subject.rng("noise"), dtype=torch.float64)
    return noise.add(x0.double(), eps)


def _denoise(subject: Subject, x: Tensor, noise: Noise) -> Prediction:
    return _predict(subject.exact, x, noise, subject.conditions(_ROWS))


def _predict(model: Any, x: Tensor, noise: Noise, condition: Any) -> Prediction:
    with torch.no_grad():
        return model.denoise(x, noise, condition=condition)


def _two(subject: Subject) -> tuple[Any, Any]:
    first, second = (torch.as_tensor(subject.condition(which)) for which in (0, 1))
    return first, second


def _gap(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max())


def _told(noise: Noise) -> str:
    return f"alpha {float(noise.alpha):.3g}, sigma {float(noise.sigma):.3g}"


CHECKS = (
    predictions_make_up_the_noised_data,
    without_noise_data_are_themselves,
    a_row_is_denoised_by_itself,
    the_noise_changes_the_prediction,
    the_condition_changes_the_prediction,
    predictions_carry_gradients,
    the_path_leads_from_noise_to_data,
    the_score_is_the_gradient_of_log_prob,
    predicted_data_are_the_conditional_mean,
)
