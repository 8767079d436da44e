"""scikit-learn's own checks of estimators, over models of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from zoo_plugin_sklearn import (
    ZooClassifier,
    ZooDensity,
    ZooOutlierDetector,
    ZooRegressor,
    ZooTransformer,
)
from zoo_plugin_sklearn.estimator import ZooEstimator

TRAINED = {"steps": 2, "progress": "none"}

ESTIMATORS = [
    ZooClassifier("classical/logistic-regression"),
    ZooClassifier("test/gaussian-classes"),
    ZooDensity("classical/gmm"),
    ZooDensity("flows/normal", fit_options=TRAINED),
    ZooOutlierDetector("classical/gmm"),
    ZooRegressor("classical/gmm"),
    ZooTransformer("test/principal-components", fit_options=TRAINED),
]

CODES = {
    "check_sample_weight_equivalence_on_dense_data": "it fits fractions, which are no codes",
}
"""Checks that don't ask which data an estimator takes."""


def expected_failures(estimator: ZooEstimator) -> dict[str, str]:
    return CODES if estimator.__sklearn_tags__().input_tags.categorical else {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_check(estimator: ZooEstimator, check: Callable[[Any], None]) -> None:
    check(estimator)
