"""Figures of classes, against scikit-learn; the likelihoods of models of data and class."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConditionError, DataError, UnsupportedError
from zoo_core.interfaces.metric import EvaluationRequest
from zoo_plugin_evaluation import evaluate
from zoo_plugin_evaluation.comparison import Contender, comparison_page
from zoo_plugin_evaluation.cost import cost_of
from zoo_plugin_evaluation.page import Gallery, Heading, Table
from zoo_plugin_evaluation.ranking import Standing, rankings
from zoo_plugin_evaluation.subject import Subject

Make = Callable[..., Any]
Draw = Callable[..., Tensor]
CLASSES = ["accuracy", "log loss", "Brier score"]


@pytest.fixture
def rows(dataset: Make, draw: Draw) -> Any:
    x = draw(200, 1).float()
    y = (x[:, 0] + draw(200, seed=1) > 0).long()
    return dataset(x, condition=y, classes=("low", "high"))


def values(model: Any, data: Any, **options: Any) -> dict[str, float]:
    return {figure.name: figure.value for figure in evaluate(model, data, **options)}


@pytest.mark.parametrize("kind", ["sides", "pair"])
def test_figures_are_scikit_learns(kind: str, request: pytest.FixtureRequest, rows: Any) -> None:
    model = request.getfixturevalue(kind)().double()
    probs = model.predict_proba(rows.x).detach().numpy()
    y = rows.labels.numpy()
    found = values(model, rows, metrics=CLASSES)
    assert found["accuracy"] == pytest.approx(accuracy_score(y, probs.argmax(1)), abs=1e-12)
    assert found["log loss"] == pytest.approx(sklearn_log_loss(y, probs), rel=1e-6)
    whole = brier_score_loss(y, probs, scale_by_half=False)
    assert found["Brier score"] == pytest.approx(whole, rel=1e-6)


def test_standard_errors_are_those_of_means(sides: Make, rows: Any) -> None:
    figures = {figure.name: figure for figure in evaluate(sides(), rows, metrics=CLASSES)}
    share = figures["accuracy"].value
    binomial = math.sqrt(share * (1 - share) / 199)
    assert figures["accuracy"].standard_error == pytest.approx(binomial, rel=1e-9)
    right = (rows.x[:, 0] * (2 * rows.labels - 1)).double()
    nats = np.log1p(np.exp(-right.numpy()))
    expected = nats.std(ddof=1) / math.sqrt(200)
    assert figures["log loss"].standard_error == pytest.approx(expected, rel=1e-6)
    assert figures["accuracy"].protocol == "mean over rows of rows of a known class"
    assert {figure.kind for figure in figures.values()} == {None}


def test_weights_count(sides: Make, dataset: Make) -> None:
    x, y = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([1, 1, 0])
    data = dataset(x, condition=y, weight=torch.tensor([1.0, 2.0, 1.0]))
    assert values(sides(), data, metrics="accuracy") == {"accuracy": pytest.approx(0.75)}


def test_rows_of_an_unknown_class_are_left_out(sides: Make, pair: Make, rows: Any) -> None:
    some = rows.labels.clone()
    some[50:] = -1
    partly = zoo.Batch(rows.x, some)
    known = zoo.Batch(rows.x[:50], some[:50])
    for model in (sides(), pair()):
        found = evaluate(model, _with(rows, partly), metrics=CLASSES)
        assert [figure.n for figure in found] == [50, 50, 50]
        assert found == evaluate(model, _with(rows, known), metrics=CLASSES)


def test_classes_go_by_their_names(sides: Make, rows: Any) -> None:
    named = values(sides("high", "low"), rows, metrics="accuracy")["accuracy"]
    assert named == pytest.approx(1 - values(sides(), rows, metrics="accuracy")["accuracy"])
    with pytest.raises(ConditionError, match="high"):
        evaluate(sides("low", "middle"), rows)


def test_what_can_not_be_measured_is_said(
    sides: Make, normal: Make, dataset: Make, draw: Draw, rows: Any
) -> None:
    with pytest.raises(UnsupportedError, match="tells no classes"):
        evaluate(normal(1), rows, metrics="accuracy")
    for untold in (None, torch.full((5,), -1)):
        with pytest.raises(UnsupportedError, match="have classes"):
            evaluate(sides(), dataset(draw(5, 1).float(), condition=untold), metrics="log loss")
    with pytest.raises(UnsupportedError, match="the 2 classes"):
        more = dataset(draw(5, 1).float(), condition=torch.arange(5))
        evaluate(sides(), more, metrics="accuracy")
    with pytest.raises(UnsupportedError, match="no likelihood"):
        evaluate(sides(), rows, metrics="NLL")


def test_defaults_suit_the_model(sides: Make, pair: Make, dataset: Make, rows: Any) -> None:
    assert list(values(sides(), rows)) == ["accuracy", "log loss"]
    assert list(values(pair(), rows)) == ["NLL", "accuracy", "log loss"]
    assert list(values(pair(), dataset(rows.x))) == ["NLL"]
    assert set(CLASSES) < set(values(pair(), rows, metrics="all"))
    assert list(values(sides(), rows, metrics="all")) == CLASSES


def test_each_likelihood_is_the_one_on_paper(pair: Make, rows: Any) -> None:
    model = pair().double()
    each = -((rows.x.double() - torch.tensor([-1.0, 1.0])) ** 2) / 2 - math.log(2 * math.pi) / 2
    joint = each + torch.tensor([0.3, 0.7]).double().log()
    own = rows.labels[:, None]
    expected = {
        "marginal": joint.logsumexp(1),
        "conditional": each.gather(1, own)[:, 0],
        "joint": joint.gather(1, own)[:, 0],
    }
    for likelihood, log_probs in expected.items():
        (figure,) = evaluate(model, rows, metrics="NLL", likelihood=likelihood)
        assert figure.value == pytest.approx(-float(log_probs.mean()), abs=1e-7)
    assert values(model, rows, metrics="NLL")["NLL"] == pytest.approx(
        -float(expected["marginal"].mean()), abs=1e-7
    )


def test_likelihoods_are_never_ranked_together(pair: Make, normal: Make, rows: Any) -> None:
    model, standings = pair(), []
    for likelihood in ("marginal", "conditional", "joint"):
        (figure,) = evaluate(model, rows, metrics="NLL", likelihood=likelihood)
        standings.append(Standing(likelihood, figure.fields()))
    (plain,) = evaluate(normal(1), rows, metrics="NLL")
    found = rankings([*standings, Standing("normal", plain.fields())])
    together = {frozenset(standing.model for standing in r.standings) for r in found}
    assert together == {
        frozenset({"marginal", "normal"}),
        frozenset({"conditional"}),
        frozenset({"joint"}),
    }


def test_a_class_that_nobody_knows_is_summed_out(pair: Make, dataset: Make, rows: Any) -> None:
    unknown = dataset(rows.x, condition=torch.full((200,), -1))
    found = {
        likelihood: values(pair(), unknown, metrics="NLL", likelihood=likelihood)["NLL"]
        for likelihood in ("marginal", "conditional", "joint")
    }
    assert len({round(nats, 9) for nats in found.values()}) == 1


def test_a_likelihood_that_there_is_not_is_refused(
    normal: Make, pair: Make, sides: Make, rows: Any
) -> None:
    with pytest.raises(UnsupportedError, match="that is marginal"):
        evaluate(normal(1), rows, likelihood="joint")
    with pytest.raises(UnsupportedError, match="that is conditional"):
        evaluate(pair().given(1), rows, metrics="NLL", likelihood="joint")
    with pytest.raises(zoo.ZooError, match="likelihood"):
        evaluate(pair(), rows, likelihood="best")


def test_the_best_accuracy_is_the_highest() -> None:
    figures = [{"name": "accuracy", "split": "test", "value": v} for v in (0.5, 0.9, 0.7)]
    (ranking,) = rankings(Standing(str(f["value"]), f) for f in figures)
    assert [standing.model for standing in ranking.standings] == ["0.9", "0.7", "0.5"]


def test_a_page_of_classifiers(sides: Make, pair: Make, rows: Any) -> None:
    contenders = []
    for name, model in (("sides", sides()), ("pair", pair())):
        subject = Subject(model, EvaluationRequest(rows, rng=zoo.rng(0)))
        contenders.append(Contender(name, subject, evaluate(model, rows), cost_of(subject)))
    blocks = comparison_page(rows, contenders).blocks
    headings = [block.text for block in blocks if isinstance(block, Heading) and block.level == 2]
    assert headings == ["The data", "Samples", "Exact likelihoods", "Classification", "Cost"]
    assert len([exhibit for b in blocks if isinstance(b, Gallery) for exhibit in b.exhibits]) == 2
    tables = [block for block in blocks if isinstance(block, Table)]
    assert tables[1].headings == ("model", "accuracy", "log loss")
    assert {row[0] for row in tables[1].rows} == {"sides", "pair"}
    assert tables[2].headings[-1] == "1000 classes" and all(row[-1] for row in tables[2].rows)
    alone = comparison_page(rows, contenders[:1])
    assert "Samples" not in [b.text for b in alone.blocks if isinstance(b, Heading)]


def test_tables_with_other_columns_are_refused(unigram: Make, dataset: Make) -> None:
    columns = {"size": zoo.Space.real(), "sex": zoo.Space.categorical(2, names=("f", "m"))}
    x = torch.tensor([[0.5, 1.0]])
    data = dataset(x, space=zoo.Space.mixed(columns))
    turned = {**columns, "sex": zoo.Space.categorical(2, names=("m", "f"))}
    for space in (zoo.Space.mixed(turned), zoo.Space.real(2)):
        with pytest.raises(DataError, match="model's space"):
            evaluate(unigram(space, 0.5, 0.5), data)


def _with(data: Any, batch: zoo.Batch) -> Any:
    from dataclasses import replace

    return replace(data, data=batch)
