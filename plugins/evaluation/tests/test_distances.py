"""Fréchet and kernel distances against scipy, scikit-learn, closed forms and repetition."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_plugin_evaluation.frechet import frechet_distance, moments
from zoo_plugin_evaluation.kernel_distance import kernel_distance

Draw = Callable[..., Tensor]


def _by_scipy(x: Tensor, y: Tensor) -> float:
    a, b = x.double().numpy(), y.double().numpy()
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(first @ second).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root))


def test_frechet_agrees_with_scipys_matrix_root(draw: Draw) -> None:
    mix = draw(6, 6, seed=3)
    x, y = draw(400, 6) @ mix, draw(300, 6, seed=1) * 2 + 1
    figure = frechet_distance(x, y)
    assert figure.value == pytest.approx(_by_scipy(x, y), rel=1e-9)
    assert figure.n == 300


def test_frechet_of_exact_moments_is_the_closed_form(draw: Draw) -> None:
    # Rows with mean 0 and covariance the identity, to the bit of float64.
    white = draw(200, 5)
    white = white - white.mean(0)
    white = white @ torch.linalg.inv(torch.linalg.cholesky(white.T @ white / 199)).T
    scales = torch.tensor([1.0, 2.0, 3.0, 0.5, 0.1], dtype=torch.float64)
    expected = 5 * 4.0 + float(((scales - 1) ** 2).sum())
    assert frechet_distance(white * scales + 2, white).value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("n", "expected"), [(200, 11.16), (500, 4.48), (1000, 2.22), (5000, 0.44)])
def test_frechet_of_equal_normals_in_64_dimensions(draw: Draw, n: int, expected: float) -> None:
    found = [
        frechet_distance(draw(n, 64, seed=2 * i), draw(n, 64, seed=2 * i + 1)).value
        for i in range(5)
    ]
    assert np.mean(found) == pytest.approx(expected, rel=0.05)


def test_frechet_of_a_sample_and_itself_is_zero_with_dependent_features(draw: Draw) -> None:
    x = draw(30, 50)
    x[:, 7] = 1.0
    figure = frechet_distance(x, x)
    assert figure.value == pytest.approx(0, abs=1e-6)
    assert math.isfinite(figure.standard_error or math.nan)
    assert frechet_distance(x, draw(30, 50, seed=1)).value > 1


def test_frechets_error_is_what_repetitions_scatter_by(draw: Draw) -> None:
    found = [
        frechet_distance(draw(400, 4, seed=i) * 1.5, draw(300, 4, seed=10_000 + i) + 0.5)
        for i in range(300)
    ]
    scatter = np.std([figure.value for figure in found])
    assert np.mean([figure.standard_error for figure in found]) == pytest.approx(scatter, rel=0.15)


def test_moments_keep_digits_far_from_zero(draw: Draw) -> None:
    x = draw(5000, 3).float()
    near, far = moments(x), moments(x.double() + 1e6)
    assert torch.allclose(near.covariance, far.covariance, atol=1e-8)


def test_distances_need_rows(draw: Draw) -> None:
    with pytest.raises(UnsupportedError, match="two rows"):
        frechet_distance(draw(1, 3), draw(5, 3))
    with pytest.raises(UnsupportedError, match="three rows"):
        kernel_distance(draw(5, 3), draw(2, 3))


def _mmd(x: Tensor, y: Tensor) -> float:
    """The unbiased estimate, written out."""
    kernels = [polynomial_kernel(a, b, degree=3) for a, b in ((x, x), (y, y), (x, y))]
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in kernels[:2]]
    return float(sum(within) - 2 * kernels[2].mean())


def test_kernel_distance_agrees_with_scikit_learns_kernel(draw: Draw) -> None:
    x, y = draw(300, 7), draw(400, 7, seed=1) * 1.3
    figure = kernel_distance(x, y)
    assert figure.value == pytest.approx(_mmd(x, y), rel=1e-10)


def test_the_jackknife_leaves_each_row_out(draw: Draw) -> None:
    x, y = draw(12, 3), draw(9, 3, seed=1) + 1
    kept = [torch.arange(len(side)) for side in (x, y)]
    without = (
        [_mmd(x[kept[0] != i], y) for i in range(12)],
        [_mmd(x, y[kept[1] != i]) for i in range(9)],
    )
    variance = sum(np.var(values) * (len(values) - 1) for values in without)
    assert kernel_distance(x, y).standard_error == pytest.approx(math.sqrt(variance), rel=1e-9)


def test_kernel_distance_is_unbiased_and_its_error_right(draw: Draw) -> None:
    found = [kernel_distance(draw(60, 4, seed=i), draw(80, 4, seed=10_000 + i)) for i in range(400)]
    values = np.array([figure.value for figure in found])
    assert abs(values.mean()) < 4 * values.std() / 20
    shifted = [
        kernel_distance(draw(60, 4, seed=i), draw(80, 4, seed=10_000 + i) + 1) for i in range(400)
    ]
    scatter = np.std([figure.value for figure in shifted])
    assert np.mean([f.standard_error for f in shifted]) == pytest.approx(scatter, rel=0.15)
