"""Predictions: the pair of data and noise, and what derives from it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.noised_mixture import ExactMixture
from zoo_core.errors import DataError
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction

LEVELS = {
    "half": Noise(0.6, 0.8),
    "straight": Noise(0.25, 0.75),
    "variance-exploding": Noise(1.0, 30.0),
    "a level a row": Noise(torch.linspace(0.9, 0.1, 5), torch.linspace(0.1, 0.9, 5)),
}


def pair(dtype: torch.dtype = torch.float64) -> Prediction:
    return Prediction(*torch.randn(2, 5, 3, generator=zoo.rng(1), dtype=torch.float64).to(dtype))


@pytest.mark.parametrize("noise", LEVELS.values(), ids=LEVELS)
def test_each_part_gives_the_pair_back(noise: Noise) -> None:
    known = pair()
    x = noise.add(known.x0, known.eps)
    for found in (
        Prediction.from_x0(x, known.x0, noise),
        Prediction.from_eps(x, known.eps, noise),
        Prediction.from_v(x, known.v(noise), noise),
    ):
        assert torch.allclose(found.x0, known.x0, atol=1e-10)
        assert torch.allclose(found.eps, known.eps, atol=1e-10)


def worst(found: Tensor, truth: Tensor) -> float:
    return float((found.double() - truth.double()).abs().max())


def test_velocity_at_the_clean_end_needs_the_pair() -> None:
    """In single precision, t = .999999 of the way to the data, x0 known to the bit."""
    truth, known = pair(), pair(torch.float32)
    noise = Noise(0.999999, 1e-6)
    x = noise.add(known.x0, known.eps)
    assert worst(known.velocity, truth.velocity) < 1e-6
    assert worst(Prediction.from_v(x, known.v(noise), noise).velocity, truth.velocity) < 1e-5
    assert worst(Prediction.from_eps(x, known.eps, noise).velocity, truth.velocity) < 1e-5
    assert worst(Prediction.from_x0(x, known.x0, noise).velocity, truth.velocity) > 0.01


def test_data_at_the_noisy_end_need_the_pair_too() -> None:
    truth, known = pair(), pair(torch.float32)
    noise = Noise(1e-6, 0.999999)
    x = noise.add(known.x0, known.eps)
    assert worst(Prediction.from_v(x, known.v(noise), noise).velocity, truth.velocity) < 1e-5
    assert worst(Prediction.from_x0(x, known.x0, noise).velocity, truth.velocity) < 1e-5
    assert worst(Prediction.from_eps(x, known.eps, noise).velocity, truth.velocity) > 0.01


def test_rows_without_noise_are_their_own_data() -> None:
    x = torch.randn(2, 3, generator=zoo.rng(0), requires_grad=True)
    noise = Noise(torch.tensor([1.0, 0.5]), torch.tensor([0.0, 0.5]))
    found = Prediction.from_x0(x, torch.full_like(x, 7.0), noise)
    assert torch.equal(found.x0[0], x[0])
    assert not found.eps[0].any()
    assert torch.equal(found.x0[1], torch.full((3,), 7.0))
    (slope,) = torch.autograd.grad((found.x0 + found.eps).sum(), x)
    assert torch.equal(slope, torch.tensor([[1.0], [2.0]]).expand(2, 3))


def test_noise_alone_says_nothing_of_the_data() -> None:
    x = torch.ones(2, 3)
    with pytest.raises(DataError, match="alpha 0"):
        Prediction.from_eps(x, x, Noise(torch.tensor([0.5, 0.0]), 1.0))
    pure = Prediction.from_v(x, torch.full_like(x, -2.0), Noise(0.0, 1.0))
    assert torch.equal(pure.x0, 2 * x)
    assert torch.equal(pure.eps, x)


def test_the_score_is_the_gradient_of_the_noised_density() -> None:
    mixture = ExactMixture.create(space=zoo.Space.real(2)).double().mixture
    x = torch.randn(6, 2, generator=zoo.rng(0), dtype=torch.float64, requires_grad=True)
    weight = torch.zeros(6, 3, dtype=torch.float64).log_softmax(1)
    noise = Noise(0.8, 0.6)
    density = mixture.log_joint(x, noise, weight).logsumexp(1)
    (truth,) = torch.autograd.grad(density.sum(), x)
    assert torch.allclose(mixture.predict(x, noise, weight).score(noise), truth, atol=1e-10)


def test_what_is_added_to_the_score_leaves_the_pair_consistent() -> None:
    noise = Noise(torch.tensor([0.6, 0.9, 0.0, 1.0, 0.1]), torch.tensor([0.8, 0.1, 1.0, 0.0, 3.0]))
    before, score = pair(), torch.randn(5, 3, generator=zoo.rng(2), dtype=torch.float64)
    after = before.add_score(score, noise)
    x = noise.add(before.x0, before.eps)
    assert torch.allclose(noise.add(after.x0, after.eps), x, atol=1e-12)
    noisy = torch.tensor([0, 1, 4])
    gained = (after.score(noise) - before.score(noise))[noisy]
    assert torch.allclose(gained, score[noisy], atol=1e-12)
    assert torch.equal(after.x0[[2, 3]], before.x0[[2, 3]])


def test_a_likelihood_added_to_a_prior_gives_the_posterior() -> None:
    """N(0, 1) noised, times N(x0; y, r²) of the clean data: all Gaussian, so in closed form."""
    alpha, sigma, y, r = 0.6, 0.8, 1.5, 0.5
    noise = Noise(alpha, sigma)
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None].requires_grad_()
    prior = Prediction(alpha * x, sigma * x)
    spread = r**2 + sigma**2
    likelihood = -0.5 * (y - alpha * x).square() / spread
    (score,) = torch.autograd.grad(likelihood.sum(), x)
    precision = 1 + alpha**2 / sigma**2 + 1 / r**2
    mean = (alpha * x / sigma**2 + y / r**2) / precision
    assert torch.allclose(prior.add_score(score, noise).x0, mean, atol=1e-12)


@pytest.mark.parametrize("weight", [-1.0, 0.0, 0.3, 1.0, 4.0])
def test_between_and_beyond_two_predictions(weight: float) -> None:
    a, b = pair(), Prediction(*torch.randn(2, 5, 3, generator=zoo.rng(3), dtype=torch.float64))
    found = a.lerp(b, weight)
    assert torch.allclose(found.x0, a.x0 + weight * (b.x0 - a.x0), atol=1e-12)
    assert torch.allclose(found.eps, a.eps + weight * (b.eps - a.eps), atol=1e-12)
    if weight in (0.0, 1.0):
        end = b if weight else a
        assert torch.equal(found.x0, end.x0)
        assert torch.equal(found.eps, end.eps)


def test_a_weight_a_row() -> None:
    a, b = pair(), Prediction(torch.zeros(5, 3).double(), torch.ones(5, 3).double())
    weights = torch.tensor([0.0, 1.0, 2.0, -1.0, 0.5])
    together = a.lerp(b, weights)
    for row, weight in enumerate(weights.tolist()):
        assert torch.allclose(together.eps[row], a.lerp(b, weight).eps[row], atol=1e-12)
    with pytest.raises(DataError, match="one for each"):
        a.lerp(b, torch.ones(3))


def test_v_rotates_with_the_angle() -> None:
    """For alpha = cos φ, sigma = sin φ, v is dx/dφ."""
    known, angle = pair(), torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    entry = angle.cos() * known.x0[0, 0] + angle.sin() * known.eps[0, 0]
    (slope,) = torch.autograd.grad(entry, angle)
    v = known.v(Noise(math.cos(0.7), math.sin(0.7)))
    assert float(v[0, 0]) == pytest.approx(float(slope))
