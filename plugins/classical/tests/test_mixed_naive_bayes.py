"""Naive Bayes of mixed tables: each column by its own truth, and what is missing."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB

import zoo_core as zoo
from zoo_core.errors import ConfigError, DataError
from zoo_plugin_classical.mixed_naive_bayes import MixedNaiveBayes

COLUMNS = {
    "age": zoo.Space.real(),
    "town": zoo.Space.categorical(4),
    "smokes": zoo.Space.binary(),
    "share": zoo.Space.unit(),
    "height": zoo.Space.real(),
    "visits": zoo.Space.count(),
    "grade": zoo.Space.ordinal(5),
}


def table(n: int = 300, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows whose every column knows something of the class."""
    rng = np.random.default_rng(0)
    y = rng.integers(classes, size=n)
    columns = [
        rng.normal(y, 1.0),
        (y + rng.integers(3, size=n)) % 4,
        rng.random(n) < 0.2 + 0.2 * y,
        rng.beta(1 + y, 2, size=n),
        rng.normal(-300 * y, 100.0),
        rng.poisson(1 + 2 * y),
        np.minimum(4, y + rng.integers(3, size=n)),
    ]
    return torch.tensor(np.stack(columns, 1)), torch.tensor(y)


def model_of(x: Any, y: Any, missing: bool = False, **fields: Any) -> MixedNaiveBayes:
    space = zoo.Space.mixed(COLUMNS, missing=missing)
    return MixedNaiveBayes.for_data(x, condition=y, space=space, **fields).double()


def test_log_prob_each_is_the_sum_over_columns_of_scikit_learns_and_scipys() -> None:
    x, y = table()
    model = model_of(x, y, var_smoothing=0.0)
    model.fit(x, condition=y)
    a, labels = x.numpy(), y.numpy()
    expected = np.zeros((len(a), 3))
    prior = np.log(np.bincount(labels) / len(labels))
    for peer, own in (
        (GaussianNB(var_smoothing=0), [0, 4]),
        (BernoulliNB(), [2]),
        (CategoricalNB(min_categories=4), [1]),
        (CategoricalNB(min_categories=5), [6]),
    ):
        columns = a[:, own] if own == [0, 4] else a[:, own].astype(int)
        expected += peer.fit(columns, labels).predict_joint_log_proba(columns) - prior
    logits = np.log(a[:, 3] / (1 - a[:, 3]))
    for k in range(3):
        mine = labels == k
        rate = (a[mine, 5].sum() + 1) / (mine.sum() + 1)
        expected[:, k] += stats.poisson.logpmf(a[:, 5], rate)
        expected[:, k] += stats.norm.logpdf(logits, logits[mine].mean(), logits[mine].std())
    expected += -np.log(a[:, 3] * (1 - a[:, 3]))[:, None]
    found = (model.log_joint(x) - model.class_log_prior).detach()
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-9, rtol=1e-9)


def test_a_column_between_0_and_1_integrates_to_one_and_has_its_mean() -> None:
    x, y = table()
    model = MixedNaiveBayes.for_data(
        x[:, 2:4], condition=y, space=zoo.Space.mixed({k: COLUMNS[k] for k in ("smokes", "share")})
    ).double()
    model.fit(x[:, 2:4], condition=y)

    def density(u: float, power: int) -> float:
        rows = torch.tensor([[0.0, u], [1.0, u]], dtype=torch.float64)
        with torch.no_grad():
            return u**power * float(model.log_prob(rows, condition=1).exp().sum())

    total, mean = (integrate.quad(density, 1e-9, 1 - 1e-9, args=(p,), limit=200)[0] for p in (0, 1))
    assert total == pytest.approx(1, abs=1e-6)
    observed = zoo.Observed(torch.zeros(1, 2), torch.tensor([[True, False]]))
    found = model.conditional_mean(observed, condition=1)[0, 1]
    assert float(found) == pytest.approx(mean, abs=1e-5)
    ends = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    assert bool(model.log_prob(ends).isfinite().all())


def test_missing_values_leave_the_other_columns() -> None:
    x, y = table()
    model = model_of(x, y, missing=True)
    model.fit(x, condition=y)
    gone = x.clone()
    gone[:, [0, 1, 3, 5]] = torch.nan
    kept = {name: COLUMNS[name] for name in ("smokes", "height", "grade")}
    fewer = MixedNaiveBayes.for_data(
        x[:, [2, 4, 6]], condition=y, space=zoo.Space.mixed(kept)
    ).double()
    fewer.fit(x[:, [2, 4, 6]], condition=y)
    torch.testing.assert_close(model.log_joint(gone), fewer.log_joint(x[:, [2, 4, 6]]))
    imputed = model.imputed(gone)
    assert bool(imputed.isfinite().all())
    assert imputed[:, [2, 4, 6]].equal(x[:, [2, 4, 6]])
    learnt = model_of(gone, y, missing=True)
    learnt.fit(torch.cat([gone, x]), condition=torch.cat([y, y]))
    whole = model_of(x, y)
    whole.fit(x, condition=y)
    found = learnt.taught.stack.mean_each()[:, [0, 3, 5]]
    rates = whole.taught.stack.mean_each()[:, [0, 3, 5]]
    torch.testing.assert_close(found, rates)


def test_partial_fit_and_weights_are_the_fit_of_all_rows() -> None:
    x, y = table()
    weight = torch.arange(300) % 3
    whole = model_of(x, y)
    whole.fit(x, condition=y, weight=weight)
    parts = model_of(x, y)
    for first in range(0, 300, 70):
        rows = slice(first, first + 70)
        parts.partial_fit(x[rows], condition=y[rows], weight=weight[rows])
    torch.testing.assert_close(parts.log_joint(x), whole.log_joint(x))
    again = torch.repeat_interleave(torch.arange(300), weight)
    repeated = model_of(x, y)
    repeated.fit(x[again], condition=y[again])
    torch.testing.assert_close(repeated.log_joint(x), whole.log_joint(x))


def test_rows_of_unknown_class_are_learnt_by_em_whose_objective_never_falls() -> None:
    x, y = table()
    hidden = torch.where(torch.arange(300) % 4 == 0, y, -1)
    model = model_of(x, hidden)
    report = model.fit(x, condition=hidden, iterations=30)
    losses = [entry["loss"] for entry in report.history]
    assert all(b <= a + 1e-9 for a, b in itertools.pairwise(losses))
    assert losses[-1] < losses[0]
    assert float((model.predict(x) == y).double().mean()) > 0.9


def test_the_reported_likelihood_is_that_of_the_rows() -> None:
    x, y = table()
    model = model_of(x, y, var_smoothing=0.0)
    report = model.fit(x, condition=y)
    mean = float(model.log_joint(x).gather(1, y[:, None]).mean())
    assert report.history[-1]["log_likelihood"] == pytest.approx(mean)


def test_a_category_never_seen_keeps_a_chance() -> None:
    x, y = table()
    model = model_of(x, y)
    model.fit(x[x[:, 1] != 3], condition=y[x[:, 1] != 3])
    never = x[:1].clone()
    never[0, 1] = 3
    assert math.isfinite(float(model.log_prob(never)))
    with pytest.raises(DataError, match="town"):
        model.log_prob(torch.where(torch.arange(7) == 1, 4.0, never))


def test_tables_that_are_none_are_refused() -> None:
    label = zoo.Part("core/label", {"classes": 2})
    with pytest.raises(ConfigError, match="classical/gaussian-nb"):
        MixedNaiveBayes.create(space=zoo.Space.real(2), conditioner=label)
    space = zoo.Space.mixed({"wind": zoo.Space.angle(), "n": zoo.Space.count()})
    with pytest.raises(ConfigError, match="sine and cosine"):
        MixedNaiveBayes.create(space=space, conditioner=label)
    with pytest.raises(DataError, match="can't be inferred"):
        MixedNaiveBayes.for_data(torch.zeros(3, 2), condition=[0, 1, 1])
