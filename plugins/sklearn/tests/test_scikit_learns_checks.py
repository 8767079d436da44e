"""scikit-learn's own checks of estimators, over models of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Binarizer
from sklearn.utils.estimator_checks import parametrize_with_checks

from zoo_plugin_sklearn import (
    ZooClassifier,
    ZooDensity,
    ZooOutlierDetector,
    ZooRegressor,
    ZooTransformer,
)

TRAINED = {"steps": 2, "progress": "none"}

CLASSIFIERS = [
    "categorical-nb", "complement-nb", "fractional-multinomial-nb", "gaussian-nb",
    "kernel-density-nb", "logistic-regression", "mixed-nb", "multinomial-nb",
]  # fmt: skip
DENSITIES = ["bayesian-gmm", "categorical", "gmm", "kernel-density"]

ESTIMATORS = [
    *(ZooClassifier(f"classical/{name}") for name in CLASSIFIERS),
    # scikit-learn has no tag for bits: its checks give other numbers.
    make_pipeline(Binarizer(threshold=0.5), ZooClassifier("classical/bernoulli-nb")),
    *(ZooDensity(f"classical/{name}") for name in DENSITIES),
    ZooDensity("flows/normal", fit_options=TRAINED),
    *(ZooOutlierDetector(f"classical/{name}") for name in DENSITIES if name != "categorical"),
    ZooRegressor("classical/gmm"),
    ZooTransformer("test/principal-components", fit_options=TRAINED),
]

FRACTIONS = {
    "check_sample_weight_equivalence_on_dense_data": "it fits fractions, which are no codes",
    "check_classifiers_one_label_sample_weights": "it fits fractions, which are no codes",
}
"""Checks that heed no tag: they give fractions to an estimator that says it takes categories."""


PIPELINE = {
    "check_dont_overwrite_parameters": "a Pipeline fits its own steps",
    "check_estimators_overwrite_params": "a Pipeline fits its own steps",
}
"""What scikit-learn expects of its Pipeline too."""


def expected_failures(estimator: BaseEstimator) -> dict[str, str]:
    if isinstance(estimator, Pipeline):
        return PIPELINE
    return FRACTIONS if estimator.__sklearn_tags__().input_tags.categorical else {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_check(estimator: BaseEstimator, check: Callable[[Any], None]) -> None:
    check(estimator)
