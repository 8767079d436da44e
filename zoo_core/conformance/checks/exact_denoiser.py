"""Checks of exact denoisers: the score is the density's, the predicted data are means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, density_is, is_generator
from zoo_core.conformance.columns import is_all_continuous
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.noising import ROWS, path_of, predict
from zoo_core.conformance.subject import Subject
from zoo_core.conformance.target import target_of
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.denoiser import Denoiser
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.model import provided
from zoo_core.interfaces.noise import Noise

_DRAWS = 3000
_SMALL = 1e-4
"""Noise so small that the noised density's gradient is the density's to eight digits."""


def _is_exact(subject: Subject) -> bool:
    """Claim means under the model's own density."""
    model = subject.model
    return provided(model, Denoiser) and model.exact


@check(claimed=both(_is_exact, density_is(DensityKind.EXACT)))
def the_score_is_the_gradient_of_log_prob(subject: Subject) -> None:
    """As noise vanishes the prediction's score becomes the gradient of log_prob.

    Claimed by exact denoisers with an exact density. Six rows with noise of 1e-4, in double
    precision, against autograd, to a relative 1e-4. A sign, a factor of alpha or sigma, and data
    in other units show.
    """
    if not is_all_continuous(subject.model.space) or subject.model.space.ragged:
        raise Skip("only a density of arrays has a gradient")
    model: Any = subject.exact
    target, told = target_of(subject), subject.condition()
    x = torch.as_tensor(subject.rows(ROWS)).double().requires_grad_()
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


@check(claimed=both(_is_exact, is_generator))
def predicted_data_are_the_conditional_mean(subject: Subject) -> Evidence:
    """What is left of data after their prediction is uncorrelated with every function of x.

    Claimed by exact denoisers. The mean E[x0 | x] is the one prediction whose residual r has
    E[r f(x)] = 0 for all f. 3000 samples are noised at levels drawn from a path; of five
    functions the sum of r f(x) is divided by the root of its sum of squares, which makes it
    standard normal. Prediction errors that grow with x, don't average out, or change with the
    level show: data shrunk by 10% are caught with probability > .9, and > .99 where rows have
    two entries or more.
    """
    model: Any = subject.exact
    codes = subject.conditions(_DRAWS, "means")
    with torch.no_grad():
        x0 = model.sample(_DRAWS, condition=codes, rng=subject.rng("samples for means")).double()
    rng = subject.rng("noise for means")
    noise, which = _drawn_levels(subject, rng)
    x = noise.add(x0, torch.randn(x0.shape, generator=rng, dtype=torch.float64))
    residual = x0 - predict(model, x, noise, codes).x0
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
    noisy = [level for level in path_of(subject) if float(level.sigma) > 0]
    which = torch.randint(len(noisy), (_DRAWS,), generator=rng)
    alpha, sigma = (
        torch.tensor(values, dtype=torch.float64)[which]
        for values in ([float(n.alpha) for n in noisy], [float(n.sigma) for n in noisy])
    )
    return Noise(alpha, sigma), which


CHECKS = (the_score_is_the_gradient_of_log_prob, predicted_data_are_the_conditional_mean)
