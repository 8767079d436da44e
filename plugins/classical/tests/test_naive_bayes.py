"""Naive Bayes against scikit-learn's, over a grid of options; the figures of known data sets."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import datasets, naive_bayes
from sklearn.model_selection import StratifiedKFold, train_test_split

from zoo_core.interfaces.space import Space
from zoo_plugin_classical.bernoulli import Bernoulli
from zoo_plugin_classical.bernoulli_naive_bayes import BernoulliNaiveBayes
from zoo_plugin_classical.categorical import Categorical
from zoo_plugin_classical.categorical_naive_bayes import CategoricalNaiveBayes
from zoo_plugin_classical.complement_naive_bayes import ComplementNaiveBayes
from zoo_plugin_classical.fractional_multinomial_naive_bayes import (
    FractionalMultinomialNaiveBayes,
)
from zoo_plugin_classical.gaussian_naive_bayes import GaussianNaiveBayes
from zoo_plugin_classical.multinomial_naive_bayes import MultinomialNaiveBayes

PRIOR = [0.2, 0.5, 0.3]
ROWS = 240


def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, ROWS)


def reals() -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(ROWS, 4))
    return noise * [1.0, 0.1, 20.0, 3.0] + labels()[:, None] * [1.0, 0.2, -5.0, 0.0]


def codes(levels: int) -> np.ndarray:
    drawn = np.random.default_rng(2).random((ROWS, 5)) ** (1 + labels()[:, None])
    return (drawn * levels).astype(np.int64)


def weights(weighted: bool) -> np.ndarray | None:
    return np.random.default_rng(3).integers(0, 4, ROWS).astype(float) if weighted else None


def fitted(cls: Any, x: np.ndarray, weight: np.ndarray | None, pieces: int, **fields: Any) -> Any:
    """Fit in double precision, in one piece or in several."""
    model = cls.for_data(x, condition=labels(), **fields).double()
    if pieces == 1:
        model.fit(x, condition=labels(), weight=weight)
    for rows in np.array_split(np.arange(ROWS), pieces) if pieces > 1 else ():
        part = None if weight is None else weight[rows]
        model.partial_fit(x[rows], condition=labels()[rows], weight=part)
    return model


def agree(seen: torch.Tensor, expected: np.ndarray, tolerance: float) -> None:
    torch.testing.assert_close(
        seen.detach(), torch.from_numpy(expected), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize(
    ("weighted", "prior", "smoothing", "pieces"),
    list(itertools.product((False, True), (None, PRIOR), (1e-9, 1e-2), (1, 3))),
)
def test_gaussian_is_scikit_learns(
    weighted: bool, prior: list[float] | None, smoothing: float, pieces: int
) -> None:
    """Joint log-densities and posteriors agree to 1e-9.

    scikit-learn takes the largest variance of unweighted rows, and of the first piece alone; where
    that differs, its smoothing is given to it as ours is.
    """
    x, weight = reals(), weights(weighted)
    fields = {} if prior is None else {"prior": prior}
    model = fitted(GaussianNaiveBayes, x, weight, pieces, var_smoothing=smoothing, **fields)
    share = np.average((x - np.average(x, 0, weight)) ** 2, 0, weight).max() / x.var(0).max()
    peer = naive_bayes.GaussianNB(priors=prior, var_smoothing=smoothing * share)
    peer.fit(x, labels(), weight)
    agree(model.log_joint(x), np.asarray(peer.predict_joint_log_proba(x)), 1e-9)
    agree(model.predict_proba(x), peer.predict_proba(x), 1e-9)


@pytest.mark.parametrize(
    ("weighted", "prior", "alpha", "pieces"),
    list(itertools.product((False, True), ("learnt", "uniform", PRIOR), (1.0, 0.3), (1, 3))),
)
@pytest.mark.parametrize("family", ["bernoulli", "categorical", "multinomial"])
def test_discrete_models_are_scikit_learns(
    family: str, weighted: bool, prior: Any, alpha: float, pieces: int
) -> None:
    """Posteriors agree to 1e-9; of a mass, log p(x, y) as well."""
    x, weight = codes(2 if family == "bernoulli" else 4), weights(weighted)
    ours, theirs = {
        "bernoulli": (BernoulliNaiveBayes, naive_bayes.BernoulliNB),
        "categorical": (CategoricalNaiveBayes, naive_bayes.CategoricalNB),
        "multinomial": (MultinomialNaiveBayes, naive_bayes.MultinomialNB),
    }[family]
    model = fitted(ours, x, weight, pieces, alpha=alpha, prior=prior)
    given = prior if isinstance(prior, list) else None
    peer = theirs(alpha=alpha, fit_prior=prior != "uniform", class_prior=given)
    peer.fit(x, labels(), weight)
    agree(model.predict_proba(x), peer.predict_proba(x), 1e-9)
    if family in ("bernoulli", "categorical"):
        agree(model.log_joint(x), peer.predict_joint_log_proba(x), 1e-9)


@pytest.mark.parametrize(
    ("weighted", "alpha", "pieces"), list(itertools.product((False, True), (1.0, 0.3), (1, 3)))
)
def test_fractions_are_scikit_learns(weighted: bool, alpha: float, pieces: int) -> None:
    """Posteriors of fractions agree to 1e-9 with scikit-learn's multinomial rule."""
    x, weight = codes(4) / (1.0 + codes(4).sum(1, keepdims=True)), weights(weighted)
    model = fitted(FractionalMultinomialNaiveBayes, x, weight, pieces, alpha=alpha)
    peer = naive_bayes.MultinomialNB(alpha=alpha).fit(x, labels(), weight)
    agree(model.predict_proba(x), peer.predict_proba(x), 1e-9)


@pytest.mark.parametrize(
    ("weighted", "norm", "alpha"), list(itertools.product((False, True), (False, True), (1.0, 0.1)))
)
def test_complement_is_scikit_learns(weighted: bool, norm: bool, alpha: float) -> None:
    """Scores and posteriors agree to 1e-9, of fractions; a never-seen entry included."""
    x, weight = codes(4) / 3.0, weights(weighted)
    x[:, 0] = 0
    model = fitted(ComplementNaiveBayes, x, weight, 2, alpha=alpha, norm=norm)
    peer = naive_bayes.ComplementNB(alpha=alpha, norm=norm).fit(x, labels(), weight)
    agree(model.predict_proba(x), peer.predict_proba(x), 1e-9)
    assert np.array_equal(model.predict(x).numpy(), peer.predict(x))


@pytest.mark.parametrize(
    ("name", "expected"), [("iris", 0.953), ("wine", 0.972), ("breast_cancer", 0.938)]
)
def test_ten_fold_accuracy_of_gaussian(name: str, expected: float) -> None:
    """Accuracies of ten stratified, shuffled folds with seed 0, rounded."""
    x, y = bundled(name)
    assert ten_folds(GaussianNaiveBayes, x, y) == pytest.approx(expected, abs=5e-4)


def test_ten_fold_accuracies_of_digits() -> None:
    """Gaussian and categorical naive Bayes of 17 grey levels."""
    x, y = bundled("digits")
    space = Space.ordinal(17, 64)
    assert ten_folds(GaussianNaiveBayes, x, y) == pytest.approx(0.840, abs=5e-4)
    assert ten_folds(CategoricalNaiveBayes, x, y, space=space) == pytest.approx(0.910, abs=5e-4)


def bundled(name: str) -> tuple[np.ndarray, np.ndarray]:
    data: Any = getattr(datasets, f"load_{name}")()
    return data.data, data.target


def ten_folds(cls: Any, x: np.ndarray, y: np.ndarray, **fields: Any) -> float:
    right = []
    for train, test in StratifiedKFold(10, shuffle=True, random_state=0).split(x, y):
        model = cls.for_data(x, condition=y, **fields).double()
        model.fit(x[train], condition=y[train])
        right.append(float((model.predict(x[test]).numpy() == y[test]).mean()))
    return float(np.mean(right))


def test_nats_of_digits() -> None:
    """Negative log-likelihoods of a test quarter: alpha is 1 for bits, 0.1 for 17 levels."""
    x, y = bundled("digits")
    parts = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
    train, test, told, _ = (torch.from_numpy(np.asarray(part)) for part in parts)
    rows, held = (train >= 8).long(), (test >= 8).long()
    independent = Bernoulli.for_data(rows, alpha=1.0).double()
    independent.fit(rows)
    assert nats(independent, held) == pytest.approx(25.18, abs=5e-3)
    classes = BernoulliNaiveBayes.for_data(rows, condition=told).double()
    classes.fit(rows, condition=told)
    assert nats(classes, held) == pytest.approx(20.03, abs=5e-3)
    space, bits = Space.ordinal(17, 64), 64 * math.log(2)
    levels = Categorical.create(space=space, alpha=0.1).double()
    levels.fit(train.long())
    assert nats(levels, test.long()) / bits == pytest.approx(2.437, abs=5e-4)
    grey = CategoricalNaiveBayes.for_data(
        train.long(), condition=told, space=space, alpha=0.1
    ).double()
    grey.fit(train.long(), condition=told)
    assert nats(grey, test.long()) / bits == pytest.approx(2.231, abs=5e-4)


def nats(model: Any, x: torch.Tensor) -> float:
    with torch.no_grad():
        return -float(model.log_prob(x).mean())
