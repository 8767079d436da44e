"""Averages and their standard errors against numpy's, and against repetition."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo_plugin_evaluation.figure import ratio, share


def test_a_mean_has_the_textbooks_error(draw: Callable[..., Tensor]) -> None:
    x = draw(50) * 3 + 1
    figure = ratio(x)
    assert figure.value == pytest.approx(x.mean().item())
    assert figure.standard_error == pytest.approx(np.std(x.numpy(), ddof=1) / math.sqrt(50))
    assert figure.n == 50


def test_equal_counts_divide_the_mean_and_its_error(draw: Callable[..., Tensor]) -> None:
    x = draw(50)
    plain, per_step = ratio(x), ratio(x, torch.full((50,), 4.0, dtype=torch.float64))
    assert per_step.value == pytest.approx(plain.value / 4)
    assert per_step.standard_error == pytest.approx((plain.standard_error or 0) / 4)


def test_the_error_of_a_ratio_is_what_repetitions_scatter_by() -> None:
    rng = np.random.default_rng(0)
    found, errors = [], []
    for _ in range(2000):
        count = rng.integers(1, 30, 60)
        total = np.array([rng.normal(2.0, 1.0, c).sum() for c in count])
        figure = ratio(torch.tensor(total), torch.tensor(count).double())
        found.append(figure.value)
        errors.append(figure.standard_error)
    assert np.mean(found) == pytest.approx(2.0, abs=4 * np.std(found) / math.sqrt(2000))
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.1)


def test_a_row_of_weight_two_counts_as_two_rows_in_the_mean(draw: Callable[..., Tensor]) -> None:
    x, weight = draw(10), torch.ones(10, dtype=torch.float64)
    weight[3] = 2
    assert ratio(x, weight=weight).value == pytest.approx(ratio(torch.cat([x, x[3:4]])).value)


def test_noise_that_rows_share_adds_to_the_variance(draw: Callable[..., Tensor]) -> None:
    x = draw(50)
    alone, beside = ratio(x), ratio(x, shared=0.25)
    assert beside.standard_error == pytest.approx(math.hypot(alone.standard_error or 0, 0.5))


def test_one_row_has_no_error() -> None:
    assert ratio(torch.ones(1)).standard_error is None


def test_a_share_has_the_binomial_error() -> None:
    figure = share(torch.arange(100) < 20)
    assert (figure.value, figure.n) == (pytest.approx(0.2), 100)
    assert figure.standard_error == pytest.approx(0.04)
