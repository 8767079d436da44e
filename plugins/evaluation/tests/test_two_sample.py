"""The area under a curve and the two-sample test against scipy, scikit-learn and closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_plugin_evaluation.ranks import auc
from zoo_plugin_evaluation.two_sample import binomial_tail, two_sample_test

Draw = Callable[..., Tensor]


@pytest.mark.parametrize("n", [1, 20, 451, 10_000])
def test_the_binomial_tail_is_scipys(n: int) -> None:
    for successes in (0, n // 2, (11 * n) // 20, n):
        expected = stats.binom.sf(successes - 1, n, 0.5)
        assert binomial_tail(successes, n) == pytest.approx(expected, rel=1e-7, abs=1e-300)


def test_shifted_normals_are_told_apart_as_well_as_can_be(draw: Draw) -> None:
    shift = 2.0
    found = two_sample_test(draw(2000, 3), draw(2000, 3, seed=1) + shift / math.sqrt(3))
    best = stats.norm.cdf(shift / 2)  # of the Bayes rule
    assert found.accuracy.value == pytest.approx(best, abs=4 * (found.accuracy.standard_error or 0))
    assert found.p_value < 1e-50


def test_equal_sides_give_p_values_like_uniform_ones(draw: Draw) -> None:
    found = [
        two_sample_test(draw(60, 2, seed=2 * i), draw(60, 2, seed=2 * i + 1), seed=i).p_value
        for i in range(40)
    ]
    assert stats.kstest(found, "uniform").pvalue > 1e-3


def test_a_seed_repeats_the_test(draw: Draw) -> None:
    x, y = draw(100, 2), draw(80, 2, seed=1)
    assert two_sample_test(x, y, seed=3) == two_sample_test(x, y, seed=3)
    assert two_sample_test(x, y).accuracy.n == 80


def test_a_few_rows_are_refused(draw: Draw) -> None:
    with pytest.raises(UnsupportedError, match="20 rows"):
        two_sample_test(draw(19, 2), draw(100, 2))


def test_the_area_is_scikit_learns_with_ties(draw: Draw) -> None:
    positive, negative = (draw(70) * 3).round(), (draw(50, seed=1) * 3 - 1).round()
    labels = [1] * 70 + [0] * 50
    expected = roc_auc_score(labels, torch.cat([positive, negative]).numpy())
    assert auc(positive, negative).value == pytest.approx(expected, rel=1e-12)


def test_delongs_error_is_its_definition_and_what_repetitions_scatter_by(draw: Draw) -> None:
    positive, negative = draw(30) + 1, draw(40, seed=1)
    wins = (positive[:, None] > negative[None]).double()
    variance = wins.mean(1).var() / 30 + wins.mean(0).var() / 40
    assert auc(positive, negative).standard_error == pytest.approx(float(variance.sqrt()))
    found = [auc(draw(90, seed=i) + 1, draw(80, seed=5000 + i)) for i in range(500)]
    values = [figure.value for figure in found]
    assert np.mean(values) == pytest.approx(stats.norm.cdf(1 / math.sqrt(2)), abs=0.005)
    assert np.mean([f.standard_error for f in found]) == pytest.approx(np.std(values), rel=0.1)
