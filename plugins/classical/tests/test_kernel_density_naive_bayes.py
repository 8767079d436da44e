"""Naive Bayes with kernel densities: one density a feature and class, as scikit-learn has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KernelDensity as Peer

import zoo_core as zoo
from zoo_core.errors import ConfigError, DataError
from zoo_plugin_classical.kernel_density_naive_bayes import KernelDensityNaiveBayes
from zoo_plugin_classical.kernels import Kernel


def table(n: int = 120, d: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    rng = zoo.rng(0)
    y = torch.randint(3, (n,), generator=rng)
    return torch.randn(n, d, generator=rng, dtype=torch.float64) + y[:, None], y


def fitted(x: Any, y: Any, weight: Any = None, **fields: Any) -> KernelDensityNaiveBayes:
    model = KernelDensityNaiveBayes.for_data(x, condition=y, **fields).double()
    model.fit(x, condition=y, weight=weight)
    return model


@pytest.mark.parametrize("kernel", [Kernel.GAUSSIAN, Kernel.EXPONENTIAL, Kernel.EPANECHNIKOV])
def test_each_feature_and_class_has_the_density_of_scikit_learn(kernel: Kernel) -> None:
    x, y = table()
    weight = 0.5 + torch.arange(len(x)) % 3
    bandwidth = (3.0, 2.0, 4.0)
    found = fitted(x, y, weight, kernel=kernel, bandwidth=bandwidth).log_joint(x)
    for k in range(3):
        mine = y == k
        expected = (weight[mine].sum() / weight.sum()).log().expand(len(x))
        for j, h in enumerate(bandwidth):
            peer = Peer(kernel=str(kernel), bandwidth=h)
            peer.fit(x[mine][:, [j]].numpy(), sample_weight=weight[mine].numpy())
            expected = expected + torch.tensor(peer.score_samples(x[:, [j]].numpy()))
        torch.testing.assert_close(found[:, k], expected, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize(
    ("load", "expected"), [(load_iris, 0.947), (load_wine, 0.983), (load_breast_cancer, 0.949)]
)
def test_ten_fold_accuracy(load: Any, expected: float) -> None:
    x, y = load(return_X_y=True)
    right = []
    for train, test in StratifiedKFold(10, shuffle=True, random_state=0).split(x, y):
        model = fitted(x[train], y[train], bandwidth=0.3, preprocessing=({"step": "standardize"},))
        right.append((model.predict(torch.tensor(x[test])).numpy() == y[test]).mean())
    assert np.mean(right) == pytest.approx(expected, abs=0.0015)


@pytest.mark.parametrize("kernel", [Kernel.GAUSSIAN, Kernel.TOPHAT])
def test_missing_values_are_integrated_out_and_tell_nothing(kernel: Kernel) -> None:
    x, y = table()
    lost = x.clone()
    lost[::2, 1] = torch.nan
    space = zoo.Space.real(3, missing=True)
    model = fitted(lost, y, space=space, kernel=kernel, bandwidth=2.0)
    gone = x.clone()
    gone[:, 1] = torch.nan
    rest = fitted(x[:, [0, 2]], y, kernel=kernel, bandwidth=2.0)
    torch.testing.assert_close(model.log_joint(gone), rest.log_joint(x[:, [0, 2]]))
    known = fitted(x[1::2, [1]], y[1::2], kernel=kernel, bandwidth=2.0)
    only = torch.full_like(x, torch.nan)
    only[:, 1] = x[:, 1]
    each = model.log_joint(only) - model.class_log_prior
    torch.testing.assert_close(each, known.log_joint(x[:, [1]]) - known.class_log_prior)


def test_a_class_without_rows_has_the_density_of_all_and_no_chance() -> None:
    x, y = table()
    model = KernelDensityNaiveBayes.for_data(
        x, condition=y, conditioner=zoo.Part("core/label", {"classes": 4}), bandwidth="silverman"
    ).double()
    model.fit(x, condition=y)
    assert model.class_log_prior[3].isneginf()
    assert model.log_prob(x, condition=3).isfinite().all()
    assert not model.log_class_prob(x).isnan().any()


def test_a_class_of_one_row_takes_the_bandwidth_of_all() -> None:
    x, y = table()
    y = torch.where(torch.arange(len(y)) == 0, 2, y % 2)
    for rule in ("scott", "cross-validation"):
        model = fitted(x, y, bandwidth=rule)
        assert bool(model.bandwidth.isfinite().all() and (model.bandwidth > 0).all())
        assert bool(model.log_joint(x).isfinite().all())


def test_what_it_cannot_learn_is_refused_and_changes_nothing() -> None:
    x, y = table()
    unknown = torch.where(torch.arange(len(y)) == 5, -1, y)
    model = KernelDensityNaiveBayes.for_data(x, condition=unknown).double()
    before = model.rows.clone()
    with pytest.raises(DataError, match="whose class is known"):
        model.fit(x, condition=unknown)
    model.fit(x, condition=unknown, weight=(unknown >= 0).double())
    assert not model.rows.equal(before)
    flat = torch.cat([x, torch.ones(len(x), 1)], 1)
    with pytest.raises(DataError, match="feature 3"):
        fitted(flat, y)
    assert fitted(flat, y, bandwidth=1.0).log_prob(flat).isfinite().all()
    label = zoo.Part("core/label", {"classes": 3})
    with pytest.raises(ConfigError, match="room for a row"):
        KernelDensityNaiveBayes.create(space=zoo.Space.real(2), conditioner=label, rows=2)


def test_samples_of_a_class_are_near_rows_of_the_class() -> None:
    x, y = table()
    model = fitted(x, y, bandwidth=0.01, kernel="tophat")
    drawn, classes = model.sample_joint(200, rng=zoo.rng(0))
    for row, k in zip(drawn, classes, strict=True):
        nearest = (x[y == k] - row).abs().amin(0)
        assert bool((nearest <= 0.01).all())
