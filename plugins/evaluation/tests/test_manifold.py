"""Nearest neighbours, and what is built on them, against scikit-learn and expectations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_plugin_evaluation.manifold import coverage, density, precision, recall
from zoo_plugin_evaluation.neighbours import nearest, radii

Draw = Callable[..., Tensor]


def test_neighbours_are_scikit_learns(draw: Draw) -> None:
    x, y = draw(700, 5), draw(300, 5, seed=1)
    expected = NearestNeighbors(n_neighbors=1).fit(y).kneighbors(x)[0][:, 0]
    np.testing.assert_allclose(nearest(x, y), expected, atol=1e-12)
    others = NearestNeighbors(n_neighbors=4).fit(x).kneighbors(x)[0][:, 3]  # the first is itself
    np.testing.assert_allclose(radii(x, 3), others, atol=1e-7)


def test_a_copy_is_at_distance_zero_even_far_from_the_origin(draw: Draw) -> None:
    x = draw(50, 4) + 1e5
    assert torch.equal(nearest(x[:10], x), torch.zeros(10, dtype=torch.float64))


def test_figures_are_their_definitions_written_out(draw: Draw) -> None:
    real, fake, k = draw(60, 3), draw(90, 3, seed=1) * 0.8 + 0.3, 4
    to_real = euclidean_distances(fake, real)
    real_radius = np.sort(euclidean_distances(real), axis=1)[:, k]
    fake_radius = np.sort(euclidean_distances(fake), axis=1)[:, k]
    within = to_real <= real_radius[None]
    assert precision(real, fake, k).value == pytest.approx(within.any(1).mean())
    assert recall(real, fake, k).value == pytest.approx(
        (fake_radius[None] >= to_real.T).any(1).mean()
    )
    assert density(real, fake, k).value == pytest.approx(within.sum() / (k * len(fake)))
    assert coverage(real, fake, k).value == pytest.approx(within.any(0).mean())


def test_equal_sides_have_the_expected_density_and_coverage(draw: Draw) -> None:
    n, m, k = 120, 150, 5
    pairs = [(draw(n, 3, seed=2 * i), draw(m, 3, seed=2 * i + 1)) for i in range(60)]
    densities = [density(real, fake, k).value for real, fake in pairs]
    coverages = [coverage(real, fake, k).value for real, fake in pairs]
    # No sample among a row's k nearest of all other rows and samples (Naeem et al. 2020).
    none = np.prod([(n - 1 - i) / (n - 1 + m - i) for i in range(k)])
    assert np.mean(densities) == pytest.approx(1, abs=4 * np.std(densities) / np.sqrt(60))
    assert np.mean(coverages) == pytest.approx(1 - none, abs=4 * np.std(coverages) / np.sqrt(60))


def test_a_collapsed_generator_is_precise_and_covers_nothing(draw: Draw) -> None:
    real = draw(200, 2)
    fake = real[:1] + 1e-3 * draw(200, 2, seed=1)
    assert precision(real, fake).value == 1
    assert recall(real, fake).value <= 0.01
    assert coverage(real, fake).value < 0.2


def test_too_few_rows_for_their_neighbours_are_refused(draw: Draw) -> None:
    with pytest.raises(UnsupportedError, match="more than 5 rows"):
        coverage(draw(5, 2), draw(50, 2))
