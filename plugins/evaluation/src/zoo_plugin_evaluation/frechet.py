"""The Fréchet distance of two samples of features."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_plugin_evaluation.figure import Figure

_CHUNK = 4096


@final
class Moments(NamedTuple):
    """Mean and covariance (divided by n − 1) of features, in float64, and of how many rows."""

    mean: Float[Tensor, " d"]
    covariance: Float[Tensor, "d d"]
    n: int


def moments(features: Float[Tensor, "n d"]) -> Moments:
    """Give mean and covariance, accumulated in float64 in two passes.

    Raises UnsupportedError for fewer than two rows.
    """
    if len(features) < 2:
        raise UnsupportedError(
            "A Fréchet distance needs two rows a side", received=f"{len(features)}"
        )
    mean = features.double().mean(0)
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for chunk in features.split(_CHUNK):
        centred = chunk.double() - mean
        covariance.addmm_(centred.T, centred)
    return Moments(mean, covariance / (len(features) - 1), len(features))


def frechet_distance(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Figure:
    """Give the squared Fréchet distance between Gaussians with the moments of two samples.

    d² = |μ₁ − μ₂|² + Tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½) (Dowson & Landau 1982; Heusel et al. 2017, eq. 6), in
    float64. It is biased upwards by about 1/n: compare only at equal n. The standard error
    is that of the delta method (Rippl et al. 2016), without the bias. `n` is that of
    the smaller side. Raises UnsupportedError for fewer than two rows a side.
    """
    first, second = moments(x), moments(y)
    root = _root(second.covariance)
    middle = _eigen(root @ first.covariance @ root)
    gap = first.mean - second.mean
    traces = first.covariance.trace() + second.covariance.trace()
    value = gap.square().sum() + traces - 2 * middle.values.sqrt().sum()
    error = _error(x, y, first, second)
    # Of equal samples rounding may leave −1e-12.
    return Figure(max(float(value), 0.0), error, min(first.n, second.n))


@final
class _Eigen(NamedTuple):
    values: Tensor
    vectors: Tensor


def _eigen(symmetric: Tensor) -> _Eigen:
    """Decompose a matrix that is positive semi-definite but for rounding."""
    values, vectors = torch.linalg.eigh((symmetric + symmetric.T) / 2)
    return _Eigen(values.clamp_min(0), vectors)


def _root(symmetric: Tensor) -> Tensor:
    values, vectors = _eigen(symmetric)
    return (vectors * values.sqrt()) @ vectors.T


def _error(x: Tensor, y: Tensor, first: Moments, second: Moments) -> float:
    """Add up the variances of both sides' influence functions."""
    parts = (_influence(x, first, second), _influence(y, second, first))
    return float(sum(part.var() / len(part) for part in parts)) ** 0.5


def _influence(x: Tensor, own: Moments, other: Moments) -> Tensor:
    """Give what each row moves the distance by, up to a constant.

    The derivatives are 2(μ₁ − μ₂) by μ₁ and I − T by Σ₁, where T is the optimal map from the one
    Gaussian to the other.
    """
    slope = torch.eye(len(own.mean), dtype=torch.float64) - _transport(own, other)
    gap = own.mean - other.mean
    parts = []
    for chunk in x.split(_CHUNK):
        centred = chunk.double() - own.mean
        parts.append(2 * centred @ gap + ((centred @ slope) * centred).sum(1))
    return torch.cat(parts)


def _transport(own: Moments, other: Moments) -> Tensor:
    """T = Σ₂^½ (Σ₂^½ Σ₁ Σ₂^½)^(−½) Σ₂^½, with a pseudo-inverse where features are dependent."""
    root = _root(other.covariance)
    values, vectors = _eigen(root @ own.covariance @ root)
    kept = values > values.max() * len(values) * torch.finfo(values.dtype).eps
    inverse = torch.where(kept, values, 1.0).rsqrt() * kept
    return root @ (vectors * inverse) @ vectors.T @ root
