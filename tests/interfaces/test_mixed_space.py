"""Counts and mixed tables: what their spaces accept, refuse and infer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas
import pytest
import torch

import zoo_core as zoo
from models.counts import Counts
from models.table import Table
from zoo_core.errors import ConfigError, DataError, DefinitionError
from zoo_core.exchange import to_rows
from zoo_core.interfaces.density import Measure
from zoo_core.interfaces.preprocessing import Dequantize, Preprocessing, Standardize
from zoo_core.interfaces.space import Kind

PEOPLE = zoo.Space.mixed(
    {
        "age": zoo.Space.real(),
        "colour": zoo.Space.categorical(3, names=("red", "green", "blue")),
        "visits": zoo.Space.count(),
        "smokes": zoo.Space.binary(),
    },
    missing=True,
)
NAN = math.nan


def test_they_round_trip_through_json() -> None:
    for space in (zoo.Space.count(2, 3, missing=True), PEOPLE):
        assert zoo.Space.parse(space.to_json()) == space


def test_they_say_what_a_sample_is() -> None:
    assert str(zoo.Space.count(2)) == "count, [2]"
    assert str(PEOPLE) == (
        "mixed (1 real, 1 categorical, 1 count, 1 binary), [4], missing values allowed"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "mixed", "shape": [1]},
        {"kind": "real", "shape": [1], "entries": [{"kind": "real"}]},
        {"kind": "mixed", "shape": [2], "entries": [{"kind": "real"}]},
        {"kind": "mixed", "shape": [1], "entries": [{"kind": "real", "shape": [2]}]},
        {"kind": "mixed", "shape": [1], "entries": [{"kind": "real", "missing": True}]},
        {"kind": "mixed", "shape": [1], "ragged": True, "entries": [{"kind": "real"}]},
        {"kind": "count", "levels": 3},
        {"kind": "categorical", "levels": 2, "names": ["a", "a"]},
        {"kind": "real", "names": ["a"]},
    ],
)
def test_an_inconsistent_one_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        zoo.Space.parse(fields)


def test_counts_are_whole_numbers_of_any_size() -> None:
    space = zoo.Space.count(2)
    x = space.check(space.tensor([[0.0, 1e15]]))
    assert x.tolist() == [[0, 10**15]] and x.dtype is torch.int64
    assert space.n_levels is None
    gaps = zoo.Space.count(2, missing=True)
    x = gaps.check(gaps.tensor(np.array([[NAN, 3.0]])))
    assert x.tolist() == [[-1, 3]] and gaps.is_missing(x).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[0, -1]], r"Counts of data are whole numbers 0, 1, 2, …. Received: -1 at row 0"),
        ([[0, 0.5]], "whole numbers"),
        ([[0, math.inf]], "whole numbers"),
        ([[0, 1e300]], "whole numbers"),
        ([[0, NAN]], "Mark missing counts by -1"),
    ],
)
def test_other_numbers_are_no_counts(values: list[list[float]], message: str) -> None:
    space = zoo.Space.count(2)
    with pytest.raises(DataError, match=message):
        space.check(space.tensor(values))


def test_a_row_may_lack_any_of_its_values() -> None:
    x = PEOPLE.check(torch.tensor([[30.5, 2, 1000, 1], [NAN, NAN, NAN, NAN]]))
    assert PEOPLE.is_missing(x).tolist() == [[False] * 4, [True] * 4]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, math.inf, "finite.*inf at row 1, column 'age'"),
        (1, 3, "between 0 and 2, or are missing.*3.0 at row 1, column 'colour'"),
        (1, -1, "-1.0 at row 1, column 'colour'"),
        (1, 0.5, "0.5 at row 1, column 'colour'"),
        (2, -1, "whole numbers 0, 1, 2.*-1.0 at row 1, column 'visits'"),
        (2, math.inf, "inf at row 1, column 'visits'"),
        (2, 2.5, "2.5 at row 1, column 'visits'"),
        (3, 2, "2.0 at row 1, column 'smokes'"),
    ],
)
def test_each_column_is_checked_by_its_own_space(column: int, value: float, message: str) -> None:
    x = torch.tensor([[NAN, 1.0, 7.0, 0.0], [30.0, 1.0, 7.0, 0.0]])
    x[1, column] = value
    with pytest.raises(DataError, match=message):
        PEOPLE.check(x)
    whole = zoo.Space.mixed(dict(zip(PEOPLE.columns or (), PEOPLE.entry_spaces, strict=True)))
    with pytest.raises(DataError, match="nan at row 0, column 'age'"):
        whole.check(x[:1])


def test_the_entries_of_any_space_are_spaces_of_one_number() -> None:
    assert PEOPLE.entry_spaces == PEOPLE.entries
    assert zoo.Space.ordinal(4, 2, 2).entry_spaces == (zoo.Space.ordinal(4),) * 4
    assert zoo.Space.real(missing=True).entry_spaces == (zoo.Space.real(),)


def _frame(**columns: Any) -> pandas.DataFrame:
    return pandas.DataFrame(columns)


def test_a_data_frame_of_several_kinds_is_a_mixed_table() -> None:
    size = pandas.Categorical(["S", "L", None], categories=["S", "M", "L"], ordered=True)
    frame = _frame(age=[1.5, NAN, 2], colour=["b", "a", None], tall=[True, False, True], size=size)
    space = zoo.Space.of(frame)
    assert space.columns == ("age", "colour", "tall", "size") and space.missing
    assert space.entries == (
        zoo.Space.real(),
        zoo.Space.categorical(2, names=("a", "b")),
        zoo.Space.binary(),
        zoo.Space.ordinal(3, names=("S", "M", "L")),
    )
    x = space.check(space.tensor(frame))
    assert x.dtype is torch.get_default_dtype()
    assert x.nan_to_num(-9).tolist() == [[1.5, 1, 1, 0], [-9, 0, 0, 2], [2, -9, 1, -9]]
    assert torch.equal(
        space.tensor(frame[["size", "tall", "colour", "age"]]).nan_to_num(-9), x.nan_to_num(-9)
    )


def test_a_data_frame_of_one_kind_is_no_mixed_table() -> None:
    assert zoo.Space.of(_frame(a=[1.0], b=[2.5])) == zoo.Space.real(2, columns=("a", "b"))
    assert zoo.Space.of(_frame(a=[True], b=[False])).kind is Kind.BINARY
    words = zoo.Space.of(_frame(a=["x"], b=["y"]))
    assert [entry.kind for entry in words.entry_spaces] == [Kind.CATEGORICAL] * 2


def test_levels_that_are_numbers_are_called_by_them() -> None:
    years = pandas.Categorical([2009, 2007, 2009])
    space = zoo.Space.of(_frame(year=years, x=[0.5, 1, 2]))
    assert space.entry_spaces[0].names == ("2007", "2009")
    again = _frame(x=[0.5], year=[2009.0])
    assert space.tensor(again).tolist() == [[1.0, 0.5]]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (_frame(n=[1, 2]), "column 'n' of type int64.*astype"),
        (_frame(day=pandas.to_datetime(["2020-01-01"])), "column 'day' of type datetime"),
        (_frame(a=[None, None]), "1 to 1000 levels.*0 in column 'a'"),
        (_frame(a=[str(i) for i in range(1001)]), "1001 in column 'a'"),
        (pandas.DataFrame([[1.0, 2.0]], columns=["a", "a"]), "a name of its own"),
    ],
)
def test_what_a_column_means_is_not_guessed(frame: pandas.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        zoo.Space.of(frame)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (_frame(age=[1.0], colour=["mauve"], visits=[1], smokes=[0]), "levels of column 'colour'"),
        (_frame(age=["old"], colour=["red"], visits=[1], smokes=[0]), "'age' holds numbers"),
        (_frame(age=[1.0], colour=["red"], visits=[1]), "Rename or drop columns"),
        (_frame(age=[1.0], colour=["red"], visits=[1], smoked=[0]), "Rename or drop columns"),
    ],
)
def test_a_data_frame_that_does_not_fit_is_refused(frame: pandas.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        PEOPLE.tensor(frame)


def test_nullable_columns_have_missing_values() -> None:
    visits = pandas.array([3, None], dtype="Int64")
    smokes = pandas.array([None, True], dtype="boolean")
    frame = _frame(age=[1.0, 2.0], colour=["red", pandas.NA], visits=visits, smokes=smokes)
    x = PEOPLE.check(PEOPLE.tensor(frame))
    assert x.nan_to_num(-9).tolist() == [[1, 0, 3, -9], [2, -9, -9, 1]]


def test_a_model_takes_a_data_frame() -> None:
    model = Table.create()
    x = model.sample(8, rng=zoo.rng(0))
    frame = pandas.DataFrame(to_rows(model.space, x))
    assert set(frame["colour"]) <= {"red", "green", "blue"}
    assert torch.equal(model.log_prob(frame[list(reversed(frame.columns))]), model.log_prob(x))


def test_measures_say_what_is_summed_and_what_is_integrated() -> None:
    assert Counts.create().density.measure is Measure.MASS
    assert Table.create().density.measure is Measure.MIXED


def test_torch_distributions_know_their_support() -> None:
    support: Any = Table.create().as_distribution().support
    x = torch.tensor([[0.5, 2, 9, 1], [0.5, 3, 9, 1], [0.5, 2, -1, 1], [0.5, 2, 9, 0.5]])
    assert support.check(x).tolist() == [True, False, False, False]
    counts: Any = Counts.create().as_distribution().support
    assert counts.check(torch.tensor([[0, 10**9], [-1, 3]])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("space", "step"),
    [
        (PEOPLE, Standardize()),
        (zoo.Space.count(2), Standardize()),
        (zoo.Space.count(2), Dequantize()),
        (zoo.Space.ordinal(3, 2), Standardize()),
    ],
)
def test_codes_are_not_standardised(space: zoo.Space, step: Any) -> None:
    with pytest.raises(DefinitionError):
        Preprocessing([step], space)
