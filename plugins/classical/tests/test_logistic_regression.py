"""Logistic regression equals scikit-learn's, and says where no best weights exist."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.model_selection import StratifiedKFold

import zoo_core as zoo
from zoo_core.errors import ConfigError, DataError, OptionError
from zoo_core.interfaces.fitting import StopReason
from zoo_plugin_classical.logistic_regression import LogisticRegression

STANDARDIZE = ({"step": "standardize"},)


def table(classes: int, n: int = 200, d: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of classes that overlap, features of very different scales and centres."""
    rng = zoo.rng(0)
    x = torch.randn(n, d, generator=rng, dtype=torch.float64)
    scores = x @ torch.randn(d, classes, generator=rng, dtype=torch.float64)
    y = (scores + torch.randn(n, classes, generator=rng, dtype=torch.float64)).argmax(1)
    return x * torch.tensor([1.0, 0.01, 100.0, 3.0]) + torch.tensor([0.0, 5.0, -300.0, 1.0]), y


def fitted(x: Any, y: Any, weight: Any = None, **fields: Any) -> LogisticRegression:
    model = LogisticRegression.for_data(x, condition=y, **fields).double()
    model.fit(x, condition=y, weight=weight)
    return model


GRID = list(itertools.product((2, 3, 5), (0.1, 10.0), (False, True)))


@pytest.mark.parametrize(("classes", "penalty", "weighted"), GRID)
def test_weights_are_those_of_scikit_learn(classes: int, penalty: float, weighted: bool) -> None:
    x, y = table(classes)
    weight = torch.arange(len(x)).remainder(4) / 2 if weighted else None
    peer = Peer(C=1 / penalty, tol=1e-13, max_iter=100_000, solver="newton-cg").fit(
        x.numpy(), y.numpy(), sample_weight=None if weight is None else weight.numpy()
    )
    model = fitted(x, y, weight, penalty=penalty)
    scale = x.std(0).numpy()
    found = model.weight.detach().numpy()
    np.testing.assert_allclose(found * scale, peer.coef_ * scale, atol=1e-6, rtol=0)
    np.testing.assert_allclose(
        model.predict_proba(x).detach().numpy(), peer.predict_proba(x.numpy()), atol=1e-6
    )
    assert (model.predict(x).numpy() == peer.predict(x.numpy())).all()


def test_without_a_penalty_the_slope_of_the_likelihood_is_zero() -> None:
    x, y = table(3)
    model = fitted(x, y, penalty=0.0)
    loss = model.loss(zoo.Batch(x, y)).mean()
    slopes = torch.autograd.grad(loss, [model.weight, model.bias])
    assert slopes[1].abs().max() < 1e-9
    assert (slopes[0] / x.abs().amax(0)).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (load_iris, 0.953),
        (load_wine, 0.983),
        (load_breast_cancer, 0.977),
        (load_digits, 0.967),
    ],
)
def test_ten_fold_accuracy(load: Any, expected: float) -> None:
    x, y = load(return_X_y=True)
    folds = StratifiedKFold(10, shuffle=True, random_state=0).split(x, y)
    right = []
    for train, test in folds:
        model = LogisticRegression.for_data(x, condition=y, preprocessing=STANDARDIZE)
        model.fit(x[train], condition=y[train], tolerance=1e-4)
        right.append((model.predict(x[test]).numpy() == y[test]).mean())
    assert np.mean(right) == pytest.approx(expected, abs=0.0015)


def test_classes_that_a_plane_parts_are_refused_without_a_penalty() -> None:
    x, _ = table(2)
    y = (x[:, 0] > 0).long()
    model = LogisticRegression.for_data(x, condition=y, penalty=0.0).double()
    with pytest.raises(DataError, match="penalty above 0"):
        model.fit(x, condition=y)
    assert not model.weight.any()
    assert fitted(x, y, penalty=1e-3).predict(x).equal(y)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_feature_that_decides_one_class_is_refused_without_a_penalty(classes: int) -> None:
    x, y = table(classes)
    decides = (torch.arange(len(x)) % 3 == 0).double()
    y = torch.where(decides == 1, 1, y)
    with pytest.raises(DataError, match="penalty above 0"):
        fitted(torch.cat([x, decides[:, None]], 1), y, penalty=0.0)


def test_constant_and_repeated_features_are_no_separation() -> None:
    x, y = table(2)
    plain = fitted(x, y, penalty=0.0)
    wide = torch.cat([x, x[:, :1], torch.ones(len(x), 1)], 1)
    model = fitted(wide, y, penalty=0.0)
    torch.testing.assert_close(model.logits(wide), plain.logits(x), atol=1e-5, rtol=0)
    assert model.weight[0, -1] == 0


def test_near_separation_has_a_finite_answer() -> None:
    x, _ = table(2)
    y = (x[:, 0] > 0).long()
    y[x[:, 0].argmax()] = 0
    model = fitted(x, y, penalty=0.0)
    assert bool(model.weight.isfinite().all())


def test_history_falls_and_the_report_tells_the_objective() -> None:
    x, y = table(3)
    model = LogisticRegression.for_data(x, condition=y).double()
    report = model.fit(x[:100], condition=y[:100], valid=(x[100:], y[100:]))
    losses = [entry["loss"] for entry in report.history]
    assert losses[0] == pytest.approx(np.log(3))
    # The last step may be a loss in the last digit: that is how the search ends.
    assert all(b <= a + 1e-14 for a, b in itertools.pairwise(losses))
    assert report.stopped is StopReason.CONVERGED
    plain = float(model.loss(zoo.Batch(x[:100], y[:100])).mean())
    penalty = float(model.weight.square().sum()) / 2 / 100
    assert losses[-1] == pytest.approx(plain + penalty, abs=1e-12)
    held = float(model.loss(zoo.Batch(x[100:], y[100:])).mean())
    assert report.history[-1]["valid"] == pytest.approx(held, abs=1e-12)


def test_a_warm_start_has_nothing_left_to_do() -> None:
    x, y = table(3)
    model = fitted(x, y)
    assert model.fit(x, condition=y, start="present").steps <= 2
    with pytest.raises(OptionError, match="zero or present"):
        model.fit(x, condition=y, start="warm")


def test_few_iterations_end_before_convergence() -> None:
    x, y = table(3)
    model = LogisticRegression.for_data(x, condition=y).double()
    report = model.fit(x, condition=y, iterations=3)
    assert (report.steps, report.stopped) == (3, StopReason.FINISHED)


def test_batches_give_what_the_whole_gives() -> None:
    x, y = table(3)
    whole, model = fitted(x, y), LogisticRegression.for_data(x, condition=y).double()
    model.fit([zoo.Batch(x[i : i + 64], y[i : i + 64]) for i in range(0, 200, 64)], tolerance=1e-7)
    torch.testing.assert_close(model.logits(x), whole.logits(x), atol=1e-4, rtol=0)


def test_rows_of_unknown_class_have_no_part() -> None:
    x, y = table(3)
    unknown = torch.where(torch.arange(len(y)) % 2 == 0, -1, y)
    some = fitted(x, unknown)
    rest = fitted(x[1::2], y[1::2])
    torch.testing.assert_close(some.weight, rest.weight, atol=1e-7, rtol=0)


def test_a_class_without_rows_is_refused_and_changes_nothing() -> None:
    x, y = table(2)
    model = LogisticRegression.for_data(x, condition=y, conditioner=label(4))
    with pytest.raises(DataError, match="of class 2, 3"):
        model.fit(x, condition=y)
    with pytest.raises(DataError, match="of class 1, 2, 3"):
        model.fit(x, condition=y, weight=(y == 0).double())
    assert not model.weight.any()


def label(classes: int) -> zoo.Part:
    return zoo.Part("core/label", {"classes": classes})


def test_categories_are_weighed_level_by_level() -> None:
    rng = zoo.rng(1)
    codes = torch.randint(4, (300, 2), generator=rng)
    y = ((codes[:, 0] == 2) ^ (torch.rand(300, generator=rng) < 0.2)).long()
    space = zoo.Space.categorical(4, 2)
    model = fitted(codes, y, space=space)
    one_hot = torch.nn.functional.one_hot(codes, 4).flatten(1).numpy()
    peer = Peer(tol=1e-13, solver="newton-cg").fit(one_hot, y.numpy())
    np.testing.assert_allclose(model.weight.detach().numpy(), peer.coef_, atol=1e-6)


def test_a_mixed_table_is_one_design_matrix() -> None:
    columns = {"age": zoo.Space.real(), "town": zoo.Space.categorical(3), "n": zoo.Space.count()}
    rng = zoo.rng(1)
    x = torch.stack(
        [torch.randn(200, generator=rng), *torch.randint(3, (2, 200), generator=rng)], 1
    )
    y = (x.sum(1) + torch.randn(200, generator=rng) > 2).long()
    model = fitted(x, y, space=zoo.Space.mixed(columns))
    design = torch.cat([x[:, :1], torch.eye(3)[x[:, 1].long()], x[:, 2:]], 1).double().numpy()
    peer = Peer(tol=1e-13, solver="newton-cg").fit(design, y.numpy())
    np.testing.assert_allclose(model.weight.detach().numpy(), peer.coef_, atol=1e-6)


def test_given_weights_are_the_models() -> None:
    weight, bias = torch.randn(3, 4, generator=zoo.rng(0)), torch.tensor([0.1, -1.0, 2.0])
    x = torch.randn(5, 4, generator=zoo.rng(1))
    space = zoo.Space.real(4)
    model = LogisticRegression.of(weight, bias, space=space, conditioner=label(3))
    torch.testing.assert_close(model.logits(x), x @ weight.T + bias)
    two = LogisticRegression.of(weight[:2], bias[:2], space=space, conditioner=label(2))
    odds = (x @ weight.T + bias)[:, :2].diff(dim=1)
    torch.testing.assert_close(two.log_class_prob(x).diff(dim=1), odds)
    with pytest.raises(ConfigError, match=r"\[3, 4\]"):
        LogisticRegression.of(weight[:, :3], bias, space=space, conditioner=label(3))


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (zoo.Space.real(2, missing=True), "no missing values"),
        (zoo.Space.angle(2), "sine and cosine"),
        (zoo.Space.real(2, ragged=True), "whole arrays"),
    ],
)
def test_data_without_a_design_matrix_are_refused(space: zoo.Space, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        LogisticRegression.create(space=space, conditioner=label(2))


def test_an_embedding_is_no_class() -> None:
    conditioner = zoo.Part("core/label", {"classes": 2, "width": 3})
    with pytest.raises(ConfigError, match="one-hot"):
        LogisticRegression.create(space=zoo.Space.real(2), conditioner=conditioner)
