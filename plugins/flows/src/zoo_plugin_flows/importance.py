"""Importance sampling from a model, with the diagnostics that say whether to trust it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError, UnsupportedError
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_plugin_flows.pareto import fit_generalized_pareto
from zoo_plugin_flows.target import Target, log_density_of

_LEAST_TAIL = 5
_PRIOR_SHAPE, _PRIOR_COUNT = 0.5, 10


@final
@dataclass(frozen=True, eq=False)
class Weighed:
    """Samples `x [n, *shape]` of a proposal q with log-weights log p̃(x) − log q(x) `[n]`.

    p̃ is the target up to its normaliser Z. Where `pareto_k` is above `pareto_k_limit`, the
    weights' variance is so large, or infinite, that none of the figures can be trusted.
    """

    x: Tensor
    log_weight: Float[Tensor, " n"]

    @property
    def weight(self) -> Float[Tensor, " n"]:
        """The weights, which sum to 1."""
        return self.log_weight.double().softmax(0)

    @property
    def log_normalizer(self) -> float:
        """An estimate of log Z: the log of the mean weight, in expectation not above it."""
        return float(self.log_weight.double().logsumexp(0)) - math.log(len(self.log_weight))

    @property
    def log_normalizer_error(self) -> float:
        """Standard error of `log_normalizer`, by the delta method: that of the mean over it."""
        relative = self.weight * len(self.log_weight)
        return float(relative.std() / len(relative) ** 0.5)

    @property
    def effective_sample_size(self) -> float:
        """1/Σ w², between 1 and n (Kong 1992): so many draws of the target would do as well."""
        return float(1 / self.weight.square().sum())

    @cached_property
    def pareto_k(self) -> float:
        """Shape of the generalised Pareto distribution that fits the largest weights.

        The weights have moments of orders below 1/k only. Pareto smoothed importance sampling,
        Vehtari et al. 2024 (arXiv:1507.02646).
        """
        return _smoothed(self.log_weight)[1]

    @property
    def pareto_k_limit(self) -> float:
        """min(1 − 1/log₁₀ n, 0.7): the largest k at which so many samples are enough.

        Vehtari et al. 2024 (arXiv:1507.02646), section 3.
        """
        return min(1 - 1 / math.log10(max(len(self.log_weight), 2)), 0.7)

    def expectation(self, values: Float[Tensor, "n ..."]) -> tuple[Tensor, Tensor]:
        """Estimate E_p[f] from values f(x); give the estimate and its standard error, `[...]`.

        Self-normalised: Σ w f, with the error √(Σ w² (f − Σ w f)²) (Owen 2013, Monte Carlo theory,
        chapter 9). Raises DataError for values of another number.
        """
        if len(values) != len(self.log_weight):
            raise DataError(
                f"Values are one a sample, {len(self.log_weight)}", received=len(values)
            )
        weight = self.weight.reshape(-1, *[1] * (values.ndim - 1))
        mean = (weight * values).sum(0)
        return mean, (weight * (values - mean)).square().sum(0).sqrt()

    def smoothed(self) -> Weighed:
        """Give the samples with the largest weights put on a fitted Pareto tail: more stable.

        Pareto smoothed importance sampling, Vehtari et al. 2024 (arXiv:1507.02646).
        """
        return Weighed(self.x, _smoothed(self.log_weight)[0])


def importance_sample(
    model: Any,
    log_density: Target,
    n: int,
    *,
    condition: Any = None,
    rng: torch.Generator | None = None,
) -> Weighed:
    """Draw n samples of a model and weigh them by an unnormalised density, without gradients.

    log_density: as `fit_to_density` takes it. Raises UnsupportedError for a model that can't
    sample or whose log_prob isn't exact, DataError for a target of another space.
    """
    if not {Generator, DensityModel} <= model.provides or model.density.kind != DensityKind.EXACT:
        raise UnsupportedError(
            "Samples are weighed by the exact density that they were drawn from",
            received=f"{model.architecture}, which has none by its default options",
            remedy="Use a model that samples and whose density.kind is exact.",
        )
    target = log_density_of(log_density, model)
    chunks = []
    with torch.no_grad():
        for x in model.sample_batches(n, condition=condition, rng=rng):
            chunks.append((x, target(x) - model.log_prob(x, condition=condition)))
    return Weighed(*map(torch.cat, zip(*chunks, strict=True)))


def _smoothed(log_weight: Float[Tensor, " n"]) -> tuple[Float[Tensor, " n"], float]:
    """Smooth the tail of the weights; give log-weights in the same order, and k.

    The tail is the min(n/5, 3√n) largest. k is drawn towards ½ as by 10 more samples there, so
    that small tails do not scatter (Vehtari et al. 2024). With too few samples for a
    tail nothing is smoothed and k is infinite.
    """
    order = log_weight.double().argsort()
    shifted = log_weight.double()[order] - log_weight.double().max()
    size = min(math.ceil(len(shifted) / 5), math.ceil(3 * len(shifted) ** 0.5))
    if size < _LEAST_TAIL or not bool(shifted[-size - 1].isfinite()):
        return log_weight, math.inf
    cut = shifted[-size - 1].exp()
    excess = shifted[-size:].exp() - cut
    if not bool(excess[0] > 0) or not bool(excess[-1] > excess[0]):
        return log_weight, -math.inf
    fitted = fit_generalized_pareto(excess)
    shape = (size * fitted.shape + _PRIOR_COUNT * _PRIOR_SHAPE) / (size + _PRIOR_COUNT)
    share = (torch.arange(size, dtype=torch.float64, device=shifted.device) + 0.5) / size
    tail = fitted._replace(shape=shape).quantile(share) + cut
    smooth = shifted.clone()
    smooth[-size:] = tail.log().clamp_max(0.0)
    result = torch.empty_like(smooth)
    result[order] = smooth + log_weight.double().max()
    return result.to(log_weight.dtype), shape
