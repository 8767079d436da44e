"""Data frames with columns of several kinds."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB

from zoo_core.interfaces.space import Kind
from zoo_plugin_sklearn import ZooClassifier, ZooDensity

RNG = np.random.default_rng(0)
SPECIES = np.array(["adelie", "gentoo"])[RNG.integers(0, 2, 300)]
SECOND = SPECIES == "gentoo"
PENGUINS = pd.DataFrame({
    "mass": 1.7e9 + 300 * SECOND + RNG.normal(0, 100, 300),  # float32 would lose it
    "island": np.where(RNG.random(300) < 0.2 + 0.6 * SECOND, "Biscoe", "Dream"),
    "tagged": RNG.random(300) < 0.3 + 0.4 * SECOND,
    "eggs": RNG.poisson(2, 300),
})  # fmt: skip


def test_each_column_is_of_its_kind() -> None:
    fitted = ZooClassifier("classical/mixed-nb").fit(PENGUINS, SPECIES)
    kinds = [entry.kind for entry in fitted.model_.space.entries]
    assert kinds == [Kind.REAL, Kind.CATEGORICAL, Kind.BINARY, Kind.REAL]
    assert fitted.model_.space.columns == tuple(PENGUINS.columns)
    assert fitted.score(PENGUINS, SPECIES) > 0.9
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(PENGUINS), fitted.predict_proba(PENGUINS))


def test_numbers_keep_their_digits() -> None:
    fitted = ZooClassifier("classical/mixed-nb").fit(PENGUINS[["mass", "island"]], SPECIES)
    alone = GaussianNB(var_smoothing=0).fit(PENGUINS[["mass"]] - 1.7e9, SPECIES)
    both = fitted.predict_log_proba(PENGUINS[["mass", "island"]])
    holed = PENGUINS[["mass", "island"]].assign(mass=np.nan)
    islands = fitted.predict_log_proba(holed)
    prior = np.log(alone.class_prior_)
    mass = both - islands + prior  # the evidence of the mass, up to a number of the row's
    expected = alone.predict_log_proba(PENGUINS[["mass"]] - 1.7e9)
    assert mass[:, 1] - mass[:, 0] == pytest.approx(expected[:, 1] - expected[:, 0], abs=1e-4)


def test_holes_may_be_in_any_column() -> None:
    holed = PENGUINS.copy().astype({"tagged": object})
    holed.loc[::4, "mass"] = np.nan
    holed.loc[1::4, "island"] = None
    scores = cross_val_score(
        ZooClassifier("classical/mixed-nb"), holed[["mass", "island"]], SPECIES
    )
    assert scores.mean() > 0.75


def test_an_unknown_level_and_other_columns_are_refused() -> None:
    fitted = ZooClassifier("classical/mixed-nb").fit(PENGUINS, SPECIES)
    with pytest.raises(ValueError, match="Torgersen"):
        fitted.predict(PENGUINS.assign(island="Torgersen"))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(PENGUINS.drop(columns="eggs"))
    with pytest.raises(ValueError, match="at least one row"):
        fitted.predict(PENGUINS[:0])


def test_plain_numbers_are_real_columns() -> None:
    x = PENGUINS[["mass", "eggs"]].to_numpy() - [1.7e9, 0]
    ours = ZooClassifier("classical/mixed-nb").fit(x, SPECIES)
    alone = ZooClassifier("classical/gaussian-nb").fit(x, SPECIES)
    assert ours.predict_proba(x) == pytest.approx(alone.predict_proba(x), abs=1e-5)


def test_a_model_of_numbers_refuses_texts() -> None:
    with pytest.raises(ValueError, match="mixed|real"):
        ZooDensity("classical/gmm").fit(PENGUINS)
