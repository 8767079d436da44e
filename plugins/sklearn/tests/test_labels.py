"""Labels of any type, known and unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_core.errors import DataError
from zoo_plugin_sklearn import ZooClassifier
from zoo_plugin_sklearn.labels import Labels

TYPES = st.sampled_from([int, str, float, bool])


@given(st.lists(st.integers(0, 5), min_size=1), TYPES)
def test_labels_come_back(numbers: list[int], kind: Any) -> None:
    y = np.array([kind(n) for n in numbers])
    labels = Labels.of(y, None)
    assert (labels.classes[labels.codes(y)] == y).all()
    assert (np.diff(np.unique(labels.codes(y))) == 1).all()


def test_unknown_labels_are_no_class() -> None:
    y = np.array([3, -1, 5, -1])
    labels = Labels.of(y, -1)
    assert labels.codes(y).tolist() == [0, -1, 1, -1]
    assert labels.classes.tolist() == [3, 5]


def test_a_label_that_was_never_told_is_refused() -> None:
    with pytest.raises(DataError, match="7"):
        Labels(np.array([3, 5])).codes(np.array([3, 7]))


def test_only_unknown_labels_are_refused() -> None:
    with pytest.raises(DataError, match="known class"):
        Labels.of(np.array([-1, -1]), -1)


def test_texts_become_the_names_of_the_models_conditions(
    iris: tuple[np.ndarray, np.ndarray],
) -> None:
    y = np.array(["setosa", "versicolor", "virginica"])[iris[1]]
    classifier = ZooClassifier("test/gaussian-classes").fit(iris[0], y)
    assert classifier.model_.conditioner.config.names == ("setosa", "versicolor", "virginica")
    again = ZooClassifier.from_model(classifier.model_)
    assert again.predict(iris[0]).tolist() == classifier.predict(iris[0]).tolist()
    assert again.score(iris[0], y) > 0.9


def test_rows_of_unknown_class_are_learnt_from(iris: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = iris
    hidden = np.where(np.arange(150) % 10 == 0, y, -1)
    few = x[hidden >= 0], y[hidden >= 0]
    with_all = ZooClassifier("test/gaussian-classes", unknown_label=-1, random_state=0).fit(
        x, hidden
    )
    with_few = ZooClassifier("test/gaussian-classes", random_state=0).fit(*few)
    assert with_all.classes_.tolist() == [0, 1, 2]
    assert with_all.score_samples(x).mean() > with_few.score_samples(x).mean()
