"""scikit-learn's own checks of estimators, over models of every kind."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
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
    ZooDensity("flows/normal", fit_options=TRAINED),
    ZooOutlierDetector("flows/normal", fit_options=TRAINED),
    ZooTransformer("test/principal-components", fit_options=TRAINED),
]


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator: ZooEstimator, check: Callable[[Any], None]) -> None:
    check(estimator)
