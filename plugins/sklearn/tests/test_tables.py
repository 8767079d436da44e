"""X as people hold it: of either precision, read-only, with names, with holes, with pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import zoo_core as zoo
from zoo_plugin_sklearn import ZooClassifier, ZooDensity, ZooTransformer

QUICK = {"steps": 2, "progress": "none"}
Iris = tuple[np.ndarray, np.ndarray]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_model_works_in_the_precision_of_the_data(dtype: type, iris: Iris) -> None:
    x = iris[0].astype(dtype)
    classifier = ZooClassifier("test/gaussian-classes").fit(x, iris[1])
    assert classifier.model_.dtype is torch.from_numpy(x).dtype
    assert classifier.predict_proba(x).dtype == dtype
    assert classifier.score_samples(x).dtype == dtype


def test_whole_numbers_are_numbers(iris: Iris) -> None:
    x = (10 * iris[0]).astype(int)
    classifier = ZooClassifier("test/gaussian-classes").fit(x, iris[1])
    assert classifier.model_.dtype is torch.float64
    assert classifier.score(x, iris[1]) > 0.9


def test_what_an_estimator_gives_is_what_its_model_gives(iris: Iris) -> None:
    classifier = ZooClassifier("test/gaussian-classes").fit(*iris)
    model, x = classifier.model_, torch.from_numpy(iris[0])
    assert np.array_equal(classifier.predict_proba(iris[0]), model.predict_proba(x).detach())
    assert np.array_equal(classifier.predict_log_proba(iris[0]), model.log_class_prob(x).detach())
    assert np.array_equal(classifier.predict(iris[0]), model.predict(x))
    assert np.array_equal(classifier.score_samples(iris[0]), model.log_prob(x).detach())


def test_names_of_columns_are_the_models_too(iris: Iris) -> None:
    frame = pd.DataFrame(iris[0], columns=list("abcd"))
    classifier = ZooClassifier("test/gaussian-classes").fit(frame, iris[1])
    assert classifier.model_.space.columns == ("a", "b", "c", "d")
    assert classifier.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="same order"):
        classifier.predict(frame[list("bacd")])


@pytest.mark.filterwarnings("error")
def test_a_model_that_is_there_finds_columns_by_their_names(iris: Iris) -> None:
    frame = pd.DataFrame(iris[0], columns=list("abcd"))
    classifier = ZooClassifier("test/gaussian-classes").fit(frame, iris[1])
    again = ZooClassifier.from_model(classifier.model_)
    expected = classifier.predict_proba(frame)
    for rows in (frame, frame[list("bacd")], iris[0]):
        assert np.array_equal(again.predict_proba(rows), expected)
    with pytest.raises(ValueError, match="columns a, b, c, d"):
        again.predict(frame.rename(columns={"a": "e"}))


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.coo_array])
def test_sparse_data_are_refused_with_the_remedy(make: type, iris: Iris) -> None:
    with pytest.raises(TypeError, match=r"toarray\(\)"):
        ZooClassifier("test/gaussian-classes").fit(make(iris[0]), iris[1])


def test_holes_are_taken_where_the_family_takes_them(iris: Iris) -> None:
    holed = iris[0].copy()
    holed[::3, 1] = np.nan
    takes = ZooClassifier("test/gaussian-classes")
    assert takes.__sklearn_tags__().input_tags.allow_nan
    fitted = takes.fit(iris[0], iris[1])  # none in training, some later
    assert fitted.score(holed, iris[1]) > 0.9
    assert takes.fit(holed, iris[1]).score(holed, iris[1]) > 0.9
    refuses = ZooDensity("test/principal-components", fit_options=QUICK)
    assert not refuses.__sklearn_tags__().input_tags.allow_nan
    with pytest.raises(ValueError, match="NaN"):
        refuses.fit(holed)


def test_rows_take_the_shape_that_the_configuration_gives() -> None:
    x = np.random.default_rng(0).normal(size=(20, 12))
    space = zoo.Space.real(3, 4)
    density = ZooDensity("flows/normal", config={"space": space}, fit_options=QUICK).fit(x)
    assert density.model_.space == space
    assert density.sample(5).shape == (5, 12)
    by_model = density.model_.log_prob(torch.from_numpy(x.reshape(20, 3, 4)))
    assert np.array_equal(density.score_samples(x), by_model.detach())


def test_read_only_memory_is_left_alone(iris: Iris) -> None:
    x = iris[0].copy()
    x.setflags(write=False)
    fitted = ZooClassifier("test/gaussian-classes").fit(x, iris[1])
    assert np.array_equal(x, iris[0])
    assert fitted.score(x, iris[1]) > 0.9


@pytest.mark.parametrize("weight", [[1.0] * 149, [[1.0]] * 150, [-1.0] * 150, [np.nan] * 150])
def test_weights_are_one_a_row_and_not_negative(weight: object, iris: Iris) -> None:
    with pytest.raises(ValueError, match=r"weight"):
        ZooClassifier("test/gaussian-classes").fit(*iris, sample_weight=weight)


def test_a_class_whose_rows_weigh_nothing_is_none(iris: Iris) -> None:
    weight = (iris[1] != 1).astype(float)
    fitted = ZooClassifier("test/gaussian-classes").fit(*iris, sample_weight=weight)
    assert fitted.classes_.tolist() == [0, 2]
    without = ZooClassifier("test/gaussian-classes").fit(iris[0][weight > 0], iris[1][weight > 0])
    assert np.array_equal(fitted.predict_proba(iris[0]), without.predict_proba(iris[0]))


def test_hidden_variables_are_features_with_names(iris: Iris) -> None:
    coder = ZooTransformer("test/principal-components", fit_options=QUICK, random_state=0)
    pipeline = make_pipeline(StandardScaler(), coder).set_output(transform="pandas")
    features = pipeline.fit_transform(pd.DataFrame(iris[0], columns=list("abcd")))
    assert features.columns.tolist() == ["zootransformer0", "zootransformer1"]
    model = coder.model_
    again = coder.inverse_transform(features)
    assert again.shape == (150, 4)
    decoded = model.decode(torch.tensor(features.to_numpy()))
    assert np.array_equal(again, decoded.detach())


def test_hidden_variables_of_another_width_are_refused(iris: Iris) -> None:
    coder = ZooTransformer("test/principal-components", fit_options=QUICK).fit(iris[0])
    with pytest.raises(ValueError, match="Hidden variables"):
        coder.inverse_transform(np.zeros((2, 3)))
