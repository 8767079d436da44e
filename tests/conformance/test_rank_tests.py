"""Rank tests, against SciPy's, and against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import zoo_core as zoo
from zoo_core.conformance.statistics.rank_tests import (
    clusters,
    matrix,
    projections,
    ranks_of,
    swapped,
    two_samples,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=zoo.rng(seed), dtype=torch.float64)


def test_two_samples_agree_with_the_kruskal_wallis_test() -> None:
    a, b = normal(40, 1), 0.4 + normal(40, 1, seed=1)
    expected = stats.kruskal(a[:, 0], b[:, 0]).pvalue
    assert two_samples(a, b, zoo.rng(2))["location 0"] == pytest.approx(expected)


def test_clusters_agree_with_the_kruskal_wallis_test() -> None:
    x = normal(60, 1) + 0.3 * torch.arange(60)[:, None] // 10
    expected = stats.kruskal(*x[:, 0].reshape(6, 10)).pvalue
    found = clusters(x, 6, zoo.rng(2))
    assert found["location 0, alike"] == pytest.approx(expected)
    assert found["location 0, balanced"] == pytest.approx(1 - expected)


def test_spread_is_the_distance_of_ranks_from_the_median() -> None:
    a, b = normal(50, 1), 2 * normal(50, 1, seed=1)
    pooled = np.concatenate([a, b])[:, 0]
    distance = np.abs(stats.rankdata(pooled) - 50.5)
    expected = stats.kruskal(distance[:50], distance[50:]).pvalue
    # Two ranks lie as far from the median; they are put in random order here, averaged there.
    assert two_samples(a, b, zoo.rng(2))["spread 0"] == pytest.approx(expected, rel=0.2)


def test_rows_of_one_law_with_dependent_entries_differ_from_those_with_independent_ones() -> None:
    first = normal(256, 1)
    dependent = torch.cat([first, first + 0.3 * normal(256, 1, seed=1)], 1)
    independent = dependent.clone()
    independent[:, 1] = independent[:, 1].roll(1)
    assert min(two_samples(dependent, independent, zoo.rng(2)).values()) < 1e-6


def test_ties_are_put_in_random_order_and_missing_values_last() -> None:
    x = torch.tensor([[0.0], [0.0], [torch.nan], [-1.0]], dtype=torch.float64)
    orders = {tuple(ranks_of(x, zoo.rng(seed))[:, 0].tolist()) for seed in range(20)}
    assert orders == {(-0.25, 0.25, 0.75, -0.75), (0.25, -0.25, 0.75, -0.75)}


def test_ranks_follow_their_rows() -> None:
    x = normal(30, 5)
    order = torch.randperm(30, generator=zoo.rng(4))
    assert torch.equal(ranks_of(x, zoo.rng(6))[order], ranks_of(x[order], zoo.rng(5)))


def test_few_entries_stand_before_their_projections_and_many_give_way() -> None:
    few, many = normal(30, 2), normal(30, 5)
    assert torch.equal(projections(few, zoo.rng(3))[:, :2], ranks_of(few, zoo.rng(3)))
    assert projections(few, zoo.rng(3)).shape == (30, 5)
    assert projections(many, zoo.rng(3)).shape == (30, 3)


def test_swapped_is_the_tail_of_a_sum_of_random_signs() -> None:
    d = torch.tensor([3.0, -1.0, 2.0, 2.0, 0.5, 1.0, 1.5, -0.5, 2.5, 1.0], dtype=torch.float64)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 10).double()
    exact = float(((signs @ d.abs()).abs() >= d.sum().abs() - 1e-9).double().mean())
    assert swapped(d) == pytest.approx(exact, abs=0.02)
    assert swapped(torch.zeros(3)) == 1.0


def test_matrix_lays_sequences_of_one_length_flat() -> None:
    steps = torch.arange(12).reshape(6, 2)
    ragged = zoo.Ragged(steps, torch.tensor([3, 3]))
    assert torch.equal(matrix(ragged), steps.reshape(2, 6).double())
