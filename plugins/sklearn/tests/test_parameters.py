"""Parameters are those that scikit-learn's tools find, set, copy and search."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zoo_core.errors import ConfigError, UnknownNameError
from zoo_plugin_sklearn import ParameterError, ZooClassifier, ZooDensity, ZooTransformer


def test_fields_of_the_configuration_are_parameters() -> None:
    params = ZooClassifier("classical/logistic-regression", config={"penalty": 2.0}).get_params()
    assert params["config__penalty"] == 2.0
    assert params["config__preprocessing"] == ()
    assert params["config"] == {"penalty": 2.0}
    assert "config__space" not in params  # it follows from the data


def test_only_given_parameters_are_shallow() -> None:
    estimator = ZooDensity("flows/normal", fit_options={"steps": 3})
    assert set(estimator.get_params(deep=False)) == {
        "architecture", "config", "fit_options", "random_state", "device",
    }  # fmt: skip
    assert estimator.get_params()["fit_options__steps"] == 3


def test_setting_a_field_leaves_the_given_mapping_as_it_was() -> None:
    given = {"penalty": 2.0}
    estimator = ZooClassifier("classical/logistic-regression", config=given)
    copy = clone(estimator).set_params(config__penalty=3.0, fit_options__tolerance=1e-3)
    assert (given, estimator.config) == ({"penalty": 2.0}, {"penalty": 2.0})
    assert copy.config == {"penalty": 3.0}
    assert copy.fit_options == {"tolerance": 1e-3}


def test_whole_mapping_and_its_entry_can_be_set_at_once() -> None:
    estimator = ZooClassifier("classical/logistic-regression")
    estimator.set_params(config={"penalty": 1.0}, config__penalty=5.0)
    assert estimator.config == {"penalty": 5.0}


def test_an_architecture_can_be_searched_over_too(iris: tuple[np.ndarray, np.ndarray]) -> None:
    names = ["classical/logistic-regression", "test/gaussian-classes"]
    search = GridSearchCV(ZooClassifier(names[0]), {"architecture": names}, cv=3)
    search.fit(*iris)
    assert min(search.cv_results_["mean_test_score"]) > 0.93


def test_grid_search_finds_the_better_penalty(iris: tuple[np.ndarray, np.ndarray]) -> None:
    estimator = make_pipeline(StandardScaler(), ZooClassifier("classical/logistic-regression"))
    grid = {"zooclassifier__config__penalty": [0.1, 1e4]}
    search = GridSearchCV(estimator, grid, cv=3).fit(*iris)
    assert search.best_params_ == {"zooclassifier__config__penalty": 0.1}
    assert search.best_estimator_[-1].model_.config.penalty == 0.1
    assert search.best_score_ > 0.93


def test_densities_are_cross_validated_by_their_mean_log_density(
    iris: tuple[np.ndarray, np.ndarray],
) -> None:
    density = ZooDensity("test/principal-components", fit_options={"steps": 1, "progress": "none"})
    scores = cross_val_score(density, iris[0], cv=[(np.arange(100), np.arange(100, 150))])
    fitted = density.fit(iris[0][:100])
    assert scores == pytest.approx([fitted.score_samples(iris[0][100:]).mean()], abs=30)


@pytest.mark.parametrize(
    ("estimator", "error", "words"),
    [
        (ZooClassifier("classical/nothing"), ParameterError, "classical/nothing"),
        (ZooClassifier("flows/normal"), ParameterError, "Classifier"),
        (ZooTransformer("classical/logistic-regression"), ParameterError, "Latent"),
        (ZooClassifier("classical/logistic-regression", config={"penalti": 1.0}), ConfigError, "penalty"),
        (ZooClassifier("classical/logistic-regression", fit_options={"stepps": 1}), ParameterError, "stepps"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_value_errors_of_the_fit(
    estimator: ZooClassifier,
    error: type[ValueError],
    words: str,
    iris: tuple[np.ndarray, np.ndarray],
) -> None:
    with pytest.raises(error, match=words):
        estimator.fit(*iris)
    assert issubclass(error, ValueError)


def test_the_zoos_own_error_is_the_cause(iris: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ParameterError) as caught:
        ZooClassifier("classical/nothing").fit(*iris)
    assert isinstance(caught.value.__cause__, UnknownNameError)


def test_parameters_of_an_unknown_architecture_can_be_read() -> None:
    params = ZooClassifier("classical/nothing", config={"a": 1}).get_params()
    assert params["config__a"] == 1
