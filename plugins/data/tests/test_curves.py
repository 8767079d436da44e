"""Densities of blurred curves and of wrapped angles against adaptive quadrature and sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate

from zoo_plugin_data import Circles, Pinwheel, SwissRoll, Torus

Curve = Callable[[float], tuple[float, float]]
POINTS = [(0.3, 0.8), (1.02, 0.0), (-0.5, 0.1), (0.0, -1.5), (2.0, 1.9), (-2.7, 0.4), (0.01, 0.0)]


def _blurred(curve: Curve, low: float, high: float, noise: float, x: tuple[float, float]) -> float:
    """Give the density at x of points spread evenly over t in [low, high], plus noise."""

    def at(t: float) -> float:
        squared = (x[0] - curve(t)[0]) ** 2 + (x[1] - curve(t)[1]) ** 2
        return math.exp(-squared / (2 * noise**2)) / (2 * math.pi * noise**2)

    cuts = np.linspace(low, high, 60)
    total = sum(integrate.quad(at, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in pairwise(cuts))
    return total / (high - low)


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_swiss_roll(noise: float) -> None:
    def curve(t: float) -> tuple[float, float]:
        return t * math.cos(t) / (1.5 * math.pi), t * math.sin(t) / (1.5 * math.pi)

    x = torch.tensor(POINTS, dtype=torch.float64)
    ends = (1.5 * math.pi, 4.5 * math.pi)
    expected = [math.log(_blurred(curve, *ends, noise, point)) for point in POINTS]
    found = SwissRoll.create(noise=noise).double().log_prob(x)
    torch.testing.assert_close(found, torch.tensor(expected).double(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_circles(noise: float) -> None:
    x = torch.tensor(POINTS, dtype=torch.float64)
    rings = [
        [
            _blurred(lambda t, r=r: (r * math.cos(t), r * math.sin(t)), 0, 2 * math.pi, noise, p)
            for p in POINTS
        ]
        for r in (1.0, 0.5)
    ]
    expected = torch.tensor(rings, dtype=torch.float64).mean(0).log()
    found = Circles.create(noise=noise).double().log_prob(x)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_the_twist_of_the_pinwheel_keeps_areas() -> None:
    """log p is that of the arms at the point turned back, whose Jacobian autograd finds to be 1."""
    model, straight = (Pinwheel.create(twist=twist).double() for twist in (0.5, 0.0))
    for point in POINTS:
        x = torch.tensor(point, dtype=torch.float64)

        def back(x: torch.Tensor) -> torch.Tensor:
            angle = -0.5 * x.norm()
            turn = torch.stack(
                (torch.stack((angle.cos(), -angle.sin())), torch.stack((angle.sin(), angle.cos())))
            )
            return turn @ x

        jacobian = torch.autograd.functional.jacobian(back, x)
        assert float(torch.linalg.det(jacobian)) == pytest.approx(1)
        assert float(model.log_prob(x[None])) == pytest.approx(
            float(straight.log_prob(back(x)[None]))
        )


def test_torus_is_the_folded_sum() -> None:
    """Sum the density of the angles before they are folded over all whole turns of both."""
    spread, noise, winding = 0.4, 0.3, 2
    model = Torus.create(spread=spread, noise=noise, winding=winding).double()

    def normal(d: float, s: float) -> float:
        return math.exp(-0.5 * (d / s) ** 2) / (math.sqrt(2 * math.pi) * s)

    for a, b in POINTS:
        total = 0.0
        for k in range(3):
            for m in range(-8, 9):
                first = a + 2 * math.pi * m
                about = normal(first - 2 * math.pi * k / 3, spread) / 3
                turns = range(-30, 31)
                total += about * sum(
                    normal(b + 2 * math.pi * j - winding * first, noise) for j in turns
                )
        x = torch.tensor([[a, b]], dtype=torch.float64)
        assert float(model.log_prob(x)) == pytest.approx(math.log(total), abs=1e-9)
