"""What estimators say of the data that they take follows from the architecture."""

from __future__ import annotations

import pytest

import zoo_core as zoo
from zoo_core.interfaces.space import Kind
from zoo_plugin_sklearn import ZooClassifier, ZooDensity
from zoo_plugin_sklearn.family import Family

REAL, BINARY, CODES, COUNT = Kind.REAL, Kind.BINARY, Kind.CATEGORICAL, Kind.COUNT


@pytest.mark.parametrize(
    ("architecture", "kind", "missing", "negative"),
    [
        ("classical/bernoulli-nb", BINARY, True, False),
        ("classical/categorical-nb", CODES, True, False),
        ("classical/complement-nb", REAL, False, False),
        ("classical/gaussian-nb", REAL, True, True),
        ("classical/gmm", REAL, True, True),
        ("classical/kernel-density", REAL, False, True),
        ("classical/kernel-density-nb", REAL, True, True),
        ("classical/logistic-regression", REAL, False, True),
        ("classical/mixed-nb", Kind.MIXED, True, True),
        ("classical/multinomial-nb", COUNT, True, False),
        ("flows/normal", REAL, False, True),
        ("flows/nsf", REAL, False, True),
        ("test/principal-components", REAL, False, True),
    ],
)
def test_an_architecture_is_asked(
    architecture: str, kind: Kind, missing: bool, negative: bool
) -> None:
    assert Family.of(architecture, None) == Family(kind, missing, negative)


@pytest.mark.parametrize(
    ("space", "family"),
    [
        (zoo.Space.real(3, 4), Family(REAL, False, True)),
        (zoo.Space.real(4, missing=True), Family(REAL, True, True)),
        ({"kind": "real", "shape": [1]}, Family(REAL, False, True)),
    ],
)
def test_a_given_space_decides(space: object, family: Family) -> None:
    assert Family.of("classical/gaussian-nb", {"space": space}) == family


def test_tags_say_it_to_scikit_learn() -> None:
    tags = ZooClassifier("classical/multinomial-nb").__sklearn_tags__()
    assert tags.estimator_type == "classifier"
    assert (tags.input_tags.positive_only, tags.input_tags.allow_nan) == (True, True)
    assert tags.classifier_tags.poor_score
    assert tags.target_tags.required
    assert not tags.input_tags.sparse
    assert not ZooDensity("classical/gmm").__sklearn_tags__().target_tags.required


@pytest.mark.parametrize("architecture", ["classical/nothing", None, 3])
def test_of_an_architecture_that_is_not_there_nothing_is_known(architecture: object) -> None:
    assert Family.of(architecture, None) == Family()
