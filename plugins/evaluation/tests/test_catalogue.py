"""Names of metrics: known ones, mistyped ones, those of other plugins; the hook itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DefinitionError, UnknownNameError
from zoo_core.hooks import hookimpl
from zoo_core.interfaces.metric import EvaluationRequest, Metric
from zoo_core.interfaces.model import Model
from zoo_core.plugins import facade, register_hooks, unregister_hooks
from zoo_plugin_evaluation import evaluate, metric_names
from zoo_plugin_evaluation.catalogue import described

Make = Callable[..., Any]
Draw = Callable[..., Tensor]


def rows_seen(model: Model, request: EvaluationRequest) -> Metric:
    """Count rows."""
    return Metric("rows seen", float(len(request.dataset)), settings={"model": model.architecture})


@pytest.fixture
def foreign() -> Iterator[None]:
    """Another plugin's metrics: a good one, several at once, and one that gives no figures."""
    several = {"halves": lambda model, request: [rows_seen(model, request)] * 2}
    broken = {"broken": lambda model, request: [3.0]}
    metrics = {"rows seen": rows_seen, **several, **broken}
    module = SimpleNamespace(zoo_metrics=hookimpl(lambda: metrics))
    register_hooks(module, "foreign metrics")
    yield
    unregister_hooks(module)


@pytest.mark.usefixtures("foreign")
def test_metrics_of_other_plugins_are_listed_and_measured(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    data = dataset(draw(7, 2).float())
    assert metric_names()[-3:] == ["broken", "halves", "rows seen"]
    assert described()["rows seen"] == "Count rows."
    (found,) = evaluate(normal(2), data, metrics="rows seen")
    assert (found.value, found.settings) == (7.0, {"model": "measured/normal"})
    assert len(evaluate(normal(2), data, metrics=["NLL", "halves"])) == 2
    with pytest.raises(DefinitionError, match="gives a Metric"):
        evaluate(normal(2), data, metrics="broken")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("FID", "Frechet distance on the features of an Inception"),
        ("kid", "kernel distance on the features of an Inception"),
        ("nll", "Did you mean 'NLL'"),
        ("Frechet distnce", "Did you mean 'Frechet distance'"),
        ("zzz", "There are NLL, bits/dim"),
    ],
)
def test_unknown_names_say_what_is_known(
    normal: Make, dataset: Make, draw: Draw, text: str, hint: str
) -> None:
    with pytest.raises(UnknownNameError, match=hint):
        evaluate(normal(2), dataset(draw(7, 2).float()), metrics=text)


def test_a_figure_is_asked_for_by_its_own_name_too(normal: Make, dataset: Make, draw: Draw) -> None:
    data = dataset(draw(60, 2).float())
    whole = evaluate(normal(2), data, metrics="classifier two-sample test")
    assert len(whole) == 2
    for text in ("classifier two-sample test, p-value", whole[1].name):
        assert evaluate(normal(2), data, metrics=text) == whole[1:]
    with pytest.raises(UnknownNameError, match="same features"):
        evaluate(normal(2), data, metrics="coverage (pixels)")


def test_all_leaves_out_what_does_not_suit(
    normal: Make, source: Make, dataset: Make, draw: Draw
) -> None:
    data = dataset(draw(60, 2).float())
    names = [m.name for m in evaluate(normal(2), data, metrics="all")]
    assert names[0] == "NLL"
    assert not any(n.startswith(("bits", "perplexity", "KL", "distance", "member")) for n in names)
    assert all(m.name != "NLL" for m in evaluate(source(), data, metrics="all"))
    few = [m.name for m in evaluate(normal(2), dataset(draw(15, 2).float()), metrics="all")]
    assert "coverage (standardised)" in few
    assert not any(name.startswith("classifier") for name in few)
    train = dataset(draw(60, 2, seed=1).float())
    more = [m.name for m in evaluate(normal(2), data, metrics="all", train=train)]
    assert len(more) == len(names) + 4


def test_the_hook_is_what_recipes_and_commands_call(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    data, model = dataset(draw(60, 2).float()), normal(2)
    request = EvaluationRequest(data, metrics=("NLL",), rng=zoo.rng(0))
    assert facade.evaluate(model, request) == evaluate(model, data)
