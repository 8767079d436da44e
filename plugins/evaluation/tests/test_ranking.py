"""What may be ranked together, and in which order."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from zoo_plugin_evaluation.catalogue import BUILT_IN
from zoo_plugin_evaluation.ranking import Best, Standing, rankings

FIGURE = {
    "name": "NLL",
    "kind": "exact",
    "measure": "density",
    "split": "test",
    "protocol": "mean over rows of moons",
}


def standing(model: str, value: Any, **changed: Any) -> Standing:
    return Standing(model, {**FIGURE, "value": value, **changed})


def test_the_least_nll_is_first_and_equal_ones_share_a_place() -> None:
    (ranking,) = rankings(
        [standing(m, v) for m, v in zip("abcd", (3.0, 1.0, 2.0, 1.0), strict=True)]
    )
    places = [(place, s.model) for place, s in ranking.places()]
    assert places == [("1", "b"), ("1", "d"), ("3", "c"), ("4", "a")]
    assert ranking.title == "NLL (exact, density)"


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("name", "bits/dim"),
        ("kind", "lower-bound"),
        ("kind", None),
        ("measure", "mass"),
        ("split", "valid"),
        ("protocol", "mean over rows of moons, given their conditions"),
    ],
)
def test_what_differs_is_never_ranked_together(field: str, other: str | None) -> None:
    found = rankings([standing("a", 1.0), standing("b", 2.0, **{field: other})])
    assert [len(ranking.standings) for ranking in found] == [1, 1]


def test_every_pair_of_one_ranking_agrees_in_what_counts() -> None:
    kinds, measures = ("exact", "lower-bound", "estimate"), ("density", "mass")
    all_ = [
        standing(f"{kind}-{measure}-{i}", float(i), kind=kind, measure=measure)
        for i, kind, measure in itertools.product(range(3), kinds, measures)
    ]
    found = rankings(all_)
    assert len(found) == 6
    for ranking in found:
        assert {(s.figure["kind"], s.figure["measure"]) for s in ranking.standings} == {
            (ranking.kind, ranking.measure)
        }
        assert [s.value for s in ranking.standings] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("Frechet distance (pixels)", "abc"),
        ("coverage (pixels)", "cba"),
        ("membership inference, likelihood", "bac"),  # .1, .45, .9 from one half
        ("classifier two-sample test, accuracy (pixels)", "bac"),
    ],
)
def test_each_metric_has_its_own_good_end(name: str, order: str) -> None:
    values = (0.1, 0.45, 0.95)
    (ranking,) = rankings(
        [standing(m, v, name=name, kind=None) for m, v in zip("abc", values, strict=True)]
    )
    assert "".join(s.model for s in ranking.standings) == order


def test_an_unknown_metric_is_listed_without_places() -> None:
    (ranking,) = rankings([standing("b", 1.0, name="charm"), standing("a", 2.0, name="charm")])
    assert [(place, s.model) for place, s in ranking.places()] == [("", "a"), ("", "b")]


def test_what_holds_no_number_is_left_out() -> None:
    bad = [standing("a", value) for value in (None, "low", float("nan"), float("inf"))]
    assert rankings(bad) == []


def test_every_built_in_likelihood_figure_has_a_good_end() -> None:
    first = list(BUILT_IN)[:11]
    found = rankings([standing("a", 1.0, name=name) for name in first])
    assert all(ranking.best is not Best.UNKNOWN for ranking in found)
    assert len(found) == 11
