"""Points spread evenly along an arc of a circle and blurred by Gaussian noise: the density."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

NODES = 24
"""Quadrature nodes on each of the two pieces of an arc: the log-density is exact to 1e-9."""

_DROP = 32.0
"""Where the integrand has fallen by exp(-32) the integral ends: what is cut off is below 1e-13."""


def half_circle_log_prob(x: Float[Tensor, "n 2"], noise: float) -> Float[Tensor, " n"]:
    """Give log p(x) in nats of a point of the upper unit half-circle plus N(0, noise² I).

    p(x) = 1/π ∫_0^π N(x; (cos t, sin t), noise² I) dt. The integrand is at most one bump on
    either side of the arc's point that is nearest to x, so Gauss-Legendre nodes are laid on
    just these two bumps. Nodes and their weights are constants for autograd: what remains is a
    finite mixture of Gaussians, whose gradient is the score (E[c | x] − x) / noise² to the same
    accuracy, with no singularity at the centre of the circle.
    """
    with torch.no_grad():
        angles, log_weights = _nodes(x, noise)
        centres = torch.stack((angles.cos(), angles.sin()), -1)
    squared = (x.unsqueeze(1) - centres).square().sum(-1)
    log_terms = log_weights - squared / (2 * noise**2)
    return torch.logsumexp(log_terms, -1) - math.log(2 * math.pi**2 * noise**2)


def _nodes(x: Tensor, noise: float) -> tuple[Tensor, Tensor]:
    """Lay the nodes: their angles t and log-weights, both [n, 2 · NODES].

    Seen from x, the distance to the point t of the circle grows with the angle d in [0, π]
    between them. Folding the arc at d = 0 and d = π leaves two pieces [low, high] of d.
    """
    mirror = torch.where(x[:, 0] < 0, -1.0, 1.0).to(x)
    # From the middle of the arc, straight up, to x: in [0, π] after mirroring left to right.
    away = torch.atan2(x[:, 0].abs(), x[:, 1])
    half = math.pi / 2
    near_low = (away - half).clamp(min=0)
    near_high = torch.where(away <= half, half + away, torch.full_like(away, math.pi))
    far_low = torch.where(away <= half, torch.zeros_like(away), 3 * half - away)
    far_high = torch.where(away <= half, half - away, torch.full_like(away, math.pi))
    sharpness = x.norm(dim=-1) / noise**2
    near, near_weights = _piece(near_low, near_high, sharpness)
    far, far_weights = _piece(far_low, far_high, sharpness)
    # Both pieces as signed angles from the direction of x, then from the arc's middle; the near
    # one lies on the side of the middle, the far one on the other (or comes round from behind).
    from_middle = torch.cat((away.unsqueeze(1) - near, away.unsqueeze(1) + far), 1)
    angles = half - mirror.unsqueeze(1) * from_middle
    return angles, torch.cat((near_weights, far_weights), 1)


def _piece(low: Tensor, high: Tensor, sharpness: Tensor) -> tuple[Tensor, Tensor]:
    """Lay nodes on [low, high] of exp(−2 · sharpness · sin²(d/2)), cut where it has vanished."""
    reach = (low / 2).sin().square() + _DROP / (2 * sharpness.clamp(min=1e-12))
    end = torch.minimum(2 * reach.clamp(max=1.0).sqrt().asin(), high)
    width = (end - low).clamp(min=0).unsqueeze(1)
    places, weights = _gauss_legendre()
    places, weights = torch.as_tensor(places).to(low), torch.as_tensor(weights).to(low)
    return low.unsqueeze(1) + width * places, (width * weights).log()


@functools.cache
def _gauss_legendre() -> tuple[np.ndarray, np.ndarray]:
    """Give the places and weights of the quadrature on [0, 1]."""
    places, weights = np.polynomial.legendre.leggauss(NODES)
    return (places + 1) / 2, weights / 2
