"""The density of a blurred half-circle against adaptive quadrature."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate

from zoo_plugin_data.arc import half_circle_log_prob

POINTS = [
    (0.3, 0.8),
    (0.0, 0.0),
    (0.0, 1.0),
    (1.0, 0.0),
    (-1.0, -1e-9),
    (0.0, -0.7),
    (1.7, -0.4),
    (-2.0, 1.5),
]


def _by_scipy(x: float, y: float, noise: float) -> float:
    def exponent(t: float) -> float:
        return -((x - math.cos(t)) ** 2 + (y - math.sin(t)) ** 2) / (2 * noise**2)

    peak = math.atan2(y, x) % (2 * math.pi)
    nearest = peak if peak <= math.pi else (0.0 if x > 0 else math.pi)
    steps = np.geomspace(1e-6, 4, 25)
    around = [place + sign * steps for place in (nearest, 0, math.pi) for sign in (-1, 1)]
    cuts = np.unique(np.clip(np.concatenate([[0, math.pi, nearest], *around]), 0, math.pi))
    top = exponent(nearest)
    total = sum(
        integrate.quad(lambda t: math.exp(exponent(t) - top), a, b, epsabs=0, epsrel=1e-9)[0]
        for a, b in pairwise(cuts)
    )
    return top + math.log(total) - math.log(2 * math.pi**2 * noise**2)


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.3, 3.0])
def test_density_equals_adaptive_quadrature(noise: float) -> None:
    x = torch.tensor(POINTS, dtype=torch.float64)
    expected = torch.tensor([_by_scipy(a, b, noise) for a, b in POINTS], dtype=torch.float64)
    torch.testing.assert_close(half_circle_log_prob(x, noise), expected, rtol=1e-10, atol=1e-7)


def test_gradient_is_that_of_the_density_even_at_the_centre() -> None:
    x = torch.tensor([*POINTS[:1], *POINTS[2:]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: half_circle_log_prob(x, 0.2), x)
    centre = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    half_circle_log_prob(centre, 0.5).backward()
    # E[c] over the half-circle is (0, 2/π).
    expected = torch.tensor([[0.0, 2 / math.pi / 0.25]], dtype=torch.float64)
    torch.testing.assert_close(centre.grad, expected, atol=1e-9, rtol=0)
