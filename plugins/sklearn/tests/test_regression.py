"""Mixtures as regressions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from zoo_plugin_sklearn import ZooDensity, ZooRegressor

X = np.random.default_rng(0).normal(size=(200, 3))
NOISE = np.random.default_rng(1).normal(size=(200, 2))
Y = X @ [[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]] + [1.0, 2.0] + 0.1 * NOISE


@pytest.mark.parametrize("y", [Y, Y[:, 0]], ids=["two targets", "one target"])
def test_one_full_component_is_least_squares(y: np.ndarray) -> None:
    config = {"covariance": "full", "covariance_floor": 1e-12}
    ours = ZooRegressor("classical/gmm", config=config).fit(X, y)
    theirs = LinearRegression().fit(X, y)
    assert ours.predict(X) == pytest.approx(theirs.predict(X), abs=1e-8)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-9)


def test_weights_count_as_repetitions() -> None:
    weight = np.arange(200) % 3
    weighted = ZooRegressor("classical/gmm").fit(X, Y, sample_weight=weight)
    repeated = ZooRegressor("classical/gmm").fit(X.repeat(weight, 0), Y.repeat(weight, 0))
    assert weighted.predict(X) == pytest.approx(repeated.predict(X), abs=1e-9)


def test_more_components_bend() -> None:
    x = np.linspace(-2, 2, 400)[:, None]
    y = np.abs(x[:, 0])
    line = ZooRegressor("classical/gmm").fit(x, y)
    bent = ZooRegressor("classical/gmm", config={"n_components": 2}, random_state=0).fit(x, y)
    assert line.score(x, y) < 0.1
    assert bent.score(x, y) > 0.9


def test_a_missing_feature_is_summed_out() -> None:
    fitted = ZooRegressor("classical/gmm").fit(X, Y)
    holed = X.copy()
    holed[:, 2] = np.nan
    without = ZooRegressor("classical/gmm").fit(X[:, :2], Y)
    assert fitted.predict(holed) == pytest.approx(without.predict(X[:, :2]), abs=1e-5)


def test_a_density_of_features_and_target_is_a_regressor() -> None:
    joint = np.column_stack([X, Y[:, 0]])
    density = ZooDensity("classical/gmm").fit(joint)
    regressor = ZooRegressor.from_model(density.model_)
    assert regressor.n_features_in_ == 3
    assert regressor.score(X, Y[:, 0]) > 0.99
