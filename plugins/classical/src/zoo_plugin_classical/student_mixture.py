"""The posterior predictive of a variational mixture: Student's t distributions."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_plugin_classical.covariance import Covariance
from zoo_plugin_classical.variational_posterior import VariationalPosterior


def freedom_and_scale(
    posterior: VariationalPosterior,
) -> tuple[Float[Tensor, " k"], Float[Tensor, " k"]]:
    """Give the degrees of freedom, and by what C_k is scaled (Bishop 2006, eq. 10.82).

    Entries that are independent, or have one variance, have the posterior's own ν degrees.
    """
    freedom, precision = posterior.freedom, posterior.mean_precision
    scale = (1 + precision) / precision
    if not posterior.stack.covariance.factored:
        return freedom, scale
    left = freedom + 1 - posterior.stack.size
    return left, scale * freedom / left


def log_prob_each(z: Float[Tensor, "n d"], posterior: VariationalPosterior) -> Float[Tensor, "n k"]:
    """Give log St(z; m_k, scale · C_k, freedom) in nats (Bishop 2006, eq. 10.81)."""
    stack = posterior.stack
    freedom, scale = freedom_and_scale(posterior)
    if stack.covariance is Covariance.DIAGONAL:
        variance = stack.covariances.diagonal(dim1=1, dim2=2) * scale[:, None]
        square = (z[:, None] - stack.mean).square() / variance
        terms = _log_student(square, freedom[:, None], 1) - 0.5 * variance.log()
        return terms.sum(2)
    d = stack.size
    log_det = torch.linalg.slogdet(stack.covariances).logabsdet
    gauss = stack.log_prob_each(z)
    square = -2 * gauss - log_det - d * math.log(2 * math.pi)
    return _log_student(square / scale, freedom, d) - 0.5 * (log_det + d * scale.log())


def noise(
    which: Int64[Tensor, " n"], posterior: VariationalPosterior, rng: torch.Generator
) -> Float[Tensor, "n d"]:
    """Draw from St(0, scale · C_k, freedom), k = which."""
    freedom, scale = freedom_and_scale(posterior)
    normal = posterior.stack.spread.noise(which, rng)
    width = normal.shape[1] if posterior.stack.covariance is Covariance.DIAGONAL else 1
    freedom, scale = freedom[which, None].expand(-1, width), scale[which, None]
    # torch.distributions takes no generator.
    gamma = torch._standard_gamma  # pyright: ignore[reportPrivateImportUsage]
    chi_square = 2 * gamma(freedom / 2, generator=rng)
    return normal * (scale * freedom / chi_square).sqrt()


def _log_student(square: Tensor, freedom: Tensor, d: int) -> Tensor:
    """Give the log-density at a squared distance, but for the scale's determinant."""
    constant = torch.lgamma((freedom + d) / 2) - torch.lgamma(freedom / 2)
    constant = constant - 0.5 * d * (freedom * math.pi).log()
    return constant - 0.5 * (freedom + d) * torch.log1p(square.clamp_min(0) / freedom)
