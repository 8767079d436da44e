"""Naive Bayes and logistic regression are one family: the former's log-odds are linear."""

from __future__ import annotations

import pytest
import torch

import zoo_core as zoo
from zoo_plugin_classical.bernoulli_naive_bayes import BernoulliNaiveBayes
from zoo_plugin_classical.gaussian_naive_bayes import GaussianNaiveBayes
from zoo_plugin_classical.logistic_regression import LogisticRegression


@pytest.mark.parametrize("classes", [2, 4])
def test_log_odds_of_gaussian_naive_bayes_are_logits(classes: int) -> None:
    rng = zoo.rng(0)
    y = torch.randint(classes, (200,), generator=rng)
    x = 3 * torch.randn(200, 5, generator=rng, dtype=torch.float64) + y[:, None]
    bayes = GaussianNaiveBayes.for_data(x, condition=y, shared_variance=True).double()
    bayes.fit(x, condition=y)
    require_equal_odds(bayes, x)


@pytest.mark.parametrize("classes", [2, 4])
def test_log_odds_of_bernoulli_naive_bayes_are_logits(classes: int) -> None:
    rng = zoo.rng(0)
    y = torch.randint(classes, (200,), generator=rng)
    x = (torch.rand(200, 9, generator=rng) < 0.2 + 0.15 * y[:, None]).long()
    bayes = BernoulliNaiveBayes.for_data(x, condition=y, space=zoo.Space.binary(9)).double()
    bayes.fit(x, condition=y)
    require_equal_odds(bayes, x)


def require_equal_odds(bayes: GaussianNaiveBayes | BernoulliNaiveBayes, x: torch.Tensor) -> None:
    linear = bayes.as_linear()
    assert isinstance(linear, LogisticRegression)
    joint = bayes.log_joint(x)
    odds, logits = joint - joint[:, :1], linear.logits(x)
    torch.testing.assert_close(logits - logits[:, :1], odds, atol=1e-10, rtol=0)


def test_the_linear_twin_is_where_more_learning_starts() -> None:
    """Maximum likelihood given the features, from naive Bayes' weights on, is a better loss."""
    rng = zoo.rng(0)
    y = torch.randint(2, (300,), generator=rng)
    x = torch.randn(300, 2, generator=rng, dtype=torch.float64) + y[:, None]
    x = torch.cat([x, x[:, :1]], 1)  # a feature twice, which naive Bayes counts twice
    bayes = GaussianNaiveBayes.for_data(x, condition=y, shared_variance=True).double()
    bayes.fit(x, condition=y)
    linear = bayes.as_linear()
    report = linear.fit(x, condition=y, start="present")
    assert report.history[-1]["loss"] < report.history[0]["loss"] - 0.01
