"""Fitted estimators: kept, sent, saved as models, and made from models."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score

import zoo_core as zoo
from zoo_core.errors import TensorError
from zoo_plugin_sklearn import ParameterError, ZooClassifier, ZooDensity, ZooTransformer
from zoo_plugin_sklearn.pickled_model import PickledModel

QUICK = {"steps": 2, "progress": "none"}
Iris = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def classifier(iris: Iris) -> ZooClassifier:
    return ZooClassifier("test/gaussian-classes").fit(*iris)


@pytest.mark.parametrize("carry", [
    lambda e, path: pickle.loads(pickle.dumps(e)),
    lambda e, path: copy.deepcopy(e),
    lambda e, path: joblib.load(joblib.dump(e, path / "e.joblib", compress=3)[0]),
    lambda e, path: joblib.load(joblib.dump(e, path / "e.joblib")[0], mmap_mode="r"),
])  # fmt: skip
def test_a_carried_estimator_gives_the_same(
    carry: Any, classifier: ZooClassifier, iris: Iris, tmp_path: Path
) -> None:
    carried = carry(classifier, tmp_path)
    assert np.array_equal(carried.predict_proba(iris[0]), classifier.predict_proba(iris[0]))
    assert carried.model_.dtype is torch.float64
    assert carried.fit_report_ == classifier.fit_report_
    carried.fit(iris[0][:, :2], iris[1])
    assert classifier.predict(iris[0]).shape == (150,)


def test_a_pickle_names_an_architecture_and_no_class(classifier: ZooClassifier) -> None:
    text = pickle.dumps(classifier)
    assert b"test/gaussian-classes" in text
    assert b"models.classes" not in text
    assert b"torch" not in text


def test_tensors_of_another_version_are_refused(classifier: ZooClassifier) -> None:
    kept = PickledModel.of(classifier.model_)
    other = ZooClassifier("classical/logistic-regression").fit([[0.0], [1.0]], [0, 1])
    wrong = PickledModel(kept.architecture, kept.config, PickledModel.of(other.model_).tensors)
    with pytest.raises(TensorError, match="test/gaussian-classes"):
        wrong.model()


def test_another_process_loads_it_knowing_no_plugin(iris: Iris, tmp_path: Path) -> None:
    fitted = ZooClassifier("classical/logistic-regression").fit(*iris)
    joblib.dump((fitted, iris[0]), tmp_path / "fitted.joblib")
    script = "import joblib, sys; e, x = joblib.load(sys.argv[1]); print(*e.predict(x))"
    call = [sys.executable, "-c", script, str(tmp_path / "fitted.joblib")]
    told = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert told.split() == [str(label) for label in fitted.predict(iris[0])]


def test_a_fitted_model_is_saved_loaded_and_an_estimator_again(
    classifier: ZooClassifier, iris: Iris, tmp_path: Path
) -> None:
    zoo.save(classifier.model_, tmp_path / "classes")
    again = ZooClassifier.from_model(zoo.load(tmp_path / "classes"))
    assert np.array_equal(again.predict_proba(iris[0]), classifier.predict_proba(iris[0]))
    assert again.n_features_in_ == 4


def test_an_estimator_of_a_model_fits_a_fresh_one(classifier: ZooClassifier, iris: Iris) -> None:
    model = classifier.model_
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    again = ZooClassifier.from_model(model)
    again.fit(iris[0][:100], iris[1][:100])
    assert again.classes_.tolist() == [0, 1]
    assert again.model_ is not model
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_frozen_estimator_keeps_its_model(classifier: ZooClassifier, iris: Iris) -> None:
    frozen = FrozenEstimator(ZooClassifier.from_model(classifier.model_))
    assert cross_val_score(frozen, *iris).mean() == pytest.approx(classifier.score(*iris))


def test_a_model_of_another_kind_makes_no_estimator(classifier: ZooClassifier) -> None:
    with pytest.raises(ParameterError, match="Latent"):
        ZooTransformer.from_model(classifier.model_)


def test_a_classifier_of_x_and_y_is_a_density_too(classifier: ZooClassifier, iris: Iris) -> None:
    density = ZooDensity.from_model(classifier.model_)
    assert np.array_equal(density.score_samples(iris[0]), classifier.score_samples(iris[0]))


def test_what_was_never_fitted_says_so(iris: Iris) -> None:
    for call in ("predict", "predict_proba", "score_samples"):
        with pytest.raises(NotFittedError):
            getattr(ZooClassifier("test/gaussian-classes"), call)(iris[0])
    with pytest.raises(NotFittedError):
        ZooDensity("flows/normal").sample(3)


def test_a_failed_fit_leaves_the_model(iris: Iris) -> None:
    density = ZooDensity("flows/normal", fit_options=QUICK).fit(iris[0])
    model, scores = density.model_, density.score_samples(iris[0])
    with pytest.raises(ValueError, match="stepps"):
        density.set_params(fit_options={"stepps": 3}).fit(iris[0])
    assert density.model_ is model
    assert np.array_equal(density.score_samples(iris[0]), scores)


def test_samples_follow_random_state(classifier: ZooClassifier) -> None:
    x, y = classifier.sample(500, random_state=3)
    assert np.array_equal(classifier.sample(500, random_state=3)[0], x)
    assert not np.array_equal(classifier.sample(500, random_state=4)[0], x)
    assert x.shape == (500, 4)
    assert set(y) == {0, 1, 2}
    assert classifier.score(x, y) > 0.9


@pytest.mark.parametrize("seed", [0, np.random.RandomState])
def test_a_fit_follows_random_state(seed: Any, iris: Iris) -> None:
    def fitted() -> np.ndarray:
        chosen = seed if seed == 0 else seed(5)
        density = ZooDensity("flows/nsf", fit_options=QUICK, random_state=chosen)
        density.set_params(config={"transforms": 1, "hidden": [4]})
        return density.fit(iris[0]).score_samples(iris[0])

    assert np.array_equal(fitted(), fitted())


def test_only_models_with_samples_have_them() -> None:
    assert not hasattr(ZooClassifier("classical/logistic-regression"), "sample")
    assert not hasattr(ZooClassifier("classical/logistic-regression"), "score_samples")
    assert hasattr(ZooClassifier("test/gaussian-classes"), "sample")
