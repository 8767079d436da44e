"""The threshold below which a row is an outlier."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

import zoo_core as zoo
from zoo_plugin_sklearn import ParameterError, ZooOutlierDetector
from zoo_plugin_sklearn.outliers import threshold

QUICK = {"steps": 3, "progress": "none"}


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.integers(1, 4)), min_size=2, max_size=30),
    st.floats(0.01, 0.5),
)
def test_a_weight_is_a_repetition(rows: list[tuple[float, int]], share: float) -> None:
    scores, weight = np.array(rows).T
    repeated = np.repeat(scores, weight.astype(int))
    assert threshold(scores, weight, share) == threshold(repeated, None, share)


@given(st.integers(1, 400), st.data())
def test_the_share_lies_below_where_scores_differ(n: int, data: st.DataObject) -> None:
    outliers = data.draw(st.integers(0, n // 2))
    scores = np.random.default_rng(n).permutation(n).astype(float)
    assert (scores < threshold(scores, None, outliers / n)).sum() == outliers


def test_a_pretrained_model_is_calibrated_before_it_tells(
    iris: tuple[np.ndarray, np.ndarray],
) -> None:
    x = iris[0].astype(np.float32)
    model = zoo.create("test/principal-components", space=zoo.Space.real(4))
    detector = ZooOutlierDetector.from_model(model, contamination=0.2)
    with pytest.raises(ParameterError, match="calibrate"):
        detector.predict(x)
    before = model.log_prob(x).detach().numpy()
    assert (detector.calibrate(x).predict(x) < 0).sum() == 30
    assert np.array_equal(detector.score_samples(x), before)


@pytest.mark.parametrize("share", [0, 0.6, -0.1, np.nan, "auto", True])
def test_contamination_is_a_share(share: object, iris: tuple[np.ndarray, np.ndarray]) -> None:
    detector = ZooOutlierDetector("flows/normal", contamination=share, fit_options=QUICK)
    with pytest.raises(ParameterError, match="contamination"):
        detector.fit(iris[0])
    with pytest.raises(NotFittedError):
        detector.predict(iris[0])


def test_far_rows_are_found() -> None:
    x = np.random.default_rng(0).normal(size=(300, 2))
    detector = ZooOutlierDetector("flows/normal", fit_options=QUICK, random_state=0)
    assert detector.fit_predict(np.vstack([x, np.full((3, 2), 9.0)]))[-3:].tolist() == [-1] * 3
    assert detector.decision_function([[0.0, 0.0]]) > 0
