"""Naive Bayes as an estimator, beside scikit-learn's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from zoo_plugin_sklearn import ParameterError, ZooClassifier

DIGITS, FIGURES = load_digits(return_X_y=True)
WEIGHT = np.random.default_rng(0).integers(0, 4, len(DIGITS)).astype(float)
Iris = tuple[np.ndarray, np.ndarray]

TWINS = [
    (ZooClassifier("classical/gaussian-nb"), GaussianNB(), DIGITS),
    (ZooClassifier("classical/gaussian-nb", config={"var_smoothing": 0.1}), GaussianNB(var_smoothing=0.1), DIGITS),
    (ZooClassifier("classical/bernoulli-nb"), BernoulliNB(), DIGITS > 7),
    (ZooClassifier("classical/categorical-nb"), CategoricalNB(min_categories=17), DIGITS),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "x"), TWINS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["rows", "weights"])
def test_probabilities_are_those_of_scikit_learns(
    ours: Any, theirs: Any, x: np.ndarray, weight: np.ndarray | None
) -> None:
    """A weight is a repetition, which scikit-learn's smoothing of variances doesn't heed."""
    ours.fit(x, FIGURES, sample_weight=weight)
    times = np.ones(len(x), int) if weight is None else weight.astype(int)
    theirs.fit(x.repeat(times, 0), FIGURES.repeat(times))
    expected = theirs.predict_log_proba(x)
    assert ours.predict_log_proba(x) == pytest.approx(expected, abs=1e-6, rel=1e-6)
    assert np.array_equal(ours.predict(x), theirs.predict(x))


@pytest.mark.parametrize(("ours", "theirs", "x"), TWINS)
def test_batches_are_learnt_as_if_all_had_come_at_once(
    ours: Any, theirs: Any, x: np.ndarray
) -> None:
    del theirs
    whole = ours.fit(x, FIGURES).predict_log_proba(x)
    batched = sklearn.clone(ours)
    batched.set_params(config={**(ours.config or {}), "space": ours.model_.space})
    for rows in np.array_split(np.arange(len(x)), 4):
        batched.partial_fit(x[rows], FIGURES[rows], classes=np.arange(10))
    assert batched.predict_log_proba(x) == pytest.approx(whole, abs=1e-6, rel=1e-6)


def test_a_partial_fit_goes_on_from_a_fit(iris: Iris) -> None:
    x, y = iris
    order = np.random.default_rng(0).permutation(150)
    half, rest = order[:75], order[75:]
    both = (
        ZooClassifier("classical/gaussian-nb").fit(x[half], y[half]).partial_fit(x[rest], y[rest])
    )
    once = ZooClassifier("classical/gaussian-nb").fit(x, y)
    assert both.predict_proba(x) == pytest.approx(once.predict_proba(x), abs=1e-9)


def test_all_classes_are_told_at_the_first_call(iris: Iris) -> None:
    learner = ZooClassifier("classical/gaussian-nb")
    with pytest.raises(ParameterError, match="first call"):
        learner.partial_fit(*iris)
    learner.partial_fit(iris[0][:50], iris[1][:50], classes=[0, 1, 2])
    assert learner.predict_proba(iris[0][:5]) == pytest.approx(np.eye(3)[[0] * 5])
    with pytest.raises(ParameterError, match="first call"):
        learner.partial_fit(*iris, classes=[0, 1])
    with pytest.raises(ValueError, match="classes"):
        learner.partial_fit(iris[0][:1], [7])
    assert not hasattr(ZooClassifier("classical/logistic-regression"), "partial_fit")


def test_a_never_seen_category_is_refused() -> None:
    fitted = ZooClassifier("classical/categorical-nb").fit([[0], [1], [1]], [0, 1, 1])
    with pytest.raises(ValueError, match="between 0 and 1"):
        fitted.predict([[2]])


@pytest.fixture
def routing() -> Any:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_weights_are_routed_through_pipeline_and_search(routing: None, iris: Iris) -> None:
    weight = np.where(iris[1] == 2, 1e-3, 1.0)
    classifier = ZooClassifier("classical/gaussian-nb").set_fit_request(sample_weight=True)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = Pipeline(
        [("scale", scaler), ("nb", classifier.set_score_request(sample_weight=True))]
    )
    search = GridSearchCV(pipeline, {"nb__config__var_smoothing": [1e-9, 1e-3]}, cv=3)
    search.fit(*iris, sample_weight=weight)
    prior = search.best_estimator_[-1].model_.class_log_prior.exp().detach().numpy()
    assert prior == pytest.approx([1 / 2.001, 1 / 2.001, 1e-3 / 2.001])


def test_weights_that_nobody_asked_for_are_refused(routing: None, iris: Iris) -> None:
    pipeline = make_pipeline(StandardScaler(), ZooClassifier("classical/gaussian-nb"))
    with pytest.raises(ValueError, match="sample_weight"):
        pipeline.fit(*iris, sample_weight=np.ones(150))


def test_the_known_accuracy_on_iris_comes_back(iris: Iris) -> None:
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    scores = cross_val_score(ZooClassifier("classical/gaussian-nb"), *iris, cv=folds)
    assert scores.mean() == pytest.approx(0.953, abs=1e-3)
