"""Space: what it accepts, what it refuses, and what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import zoo_core as zoo
from zoo_core.errors import ConfigError, DataError
from zoo_core.interfaces.space import Kind


def test_a_space_round_trips_through_json() -> None:
    for space in (
        zoo.Space.real(2, 3),
        zoo.Space.ordinal(17, 8, 8),
        zoo.Space.categorical(5, ragged=True, missing=True),
        zoo.Space.real(2, columns=("a", "b")),
    ):
        assert zoo.Space.parse(space.to_json()) == space
        assert hash(zoo.Space.parse(space.to_json())) == hash(space)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "ordinal"},
        {"kind": "real", "levels": 3},
        {"kind": "real", "shape": [2], "columns": ["a"]},
        {"kind": "reel"},
        {"kind": "real", "shape": [-1]},
    ],
)
def test_an_inconsistent_space_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        zoo.Space.parse(fields)


@pytest.mark.parametrize(
    ("space", "bad"),
    [
        (zoo.Space.real(2), [[0.0, math.nan]]),
        (zoo.Space.real(2), [[0.0, math.inf]]),
        (zoo.Space.real(2, missing=True), [[math.nan, math.inf]]),
        (zoo.Space.unit(1), [[1.5]]),
        (zoo.Space.angle(1), [[4.0]]),
        (zoo.Space.binary(1), [[2]]),
        (zoo.Space.ordinal(3, 1), [[3]]),
        (zoo.Space.ordinal(3, 1), [[-1]]),
        (zoo.Space.ordinal(3, 1), [[0.5]]),
        (zoo.Space.real(2), [[1.0, 2.0, 3.0]]),
        (zoo.Space.real(2), [1.0, 2.0]),
        (zoo.Space.real(2), np.zeros((0, 2))),
        (zoo.Space.real(2), [["a", "b"]]),
        (zoo.Space.real(2), [[1.0, 2.0], [1.0]]),
    ],
)
def test_bad_data_are_refused(space: zoo.Space, bad: object) -> None:
    with pytest.raises(DataError):
        space.check(space.tensor(bad))


def test_missing_values_are_accepted_where_the_space_says_so() -> None:
    real = zoo.Space.real(2, missing=True)
    x = real.check(real.tensor([[1.0, math.nan]]))
    assert real.is_missing(x).tolist() == [[False, True]]
    codes = zoo.Space.categorical(3, 2, missing=True)
    assert codes.is_missing(codes.check(codes.tensor([[-1, 2]]))).tolist() == [[True, False]]


def test_the_error_names_the_row_and_the_value() -> None:
    space = zoo.Space.real(2)
    with pytest.raises(DataError, match=r"nan at row 1, position \[0\]"):
        space.check(torch.tensor([[0.0, 1.0], [math.nan, 2.0]]))


def test_codes_held_as_floats_become_whole_numbers() -> None:
    x = zoo.Space.ordinal(17, 2).tensor(np.array([[3.0, 16.0]]))
    assert x.dtype is torch.int64
    assert x.tolist() == [[3, 16]]


def test_inference_refuses_to_guess_what_whole_numbers_mean() -> None:
    assert zoo.Space.of(np.zeros((4, 3))) == zoo.Space.real(3)
    assert zoo.Space.of(torch.zeros(4, 2, dtype=torch.bool)).kind is Kind.BINARY
    with pytest.raises(DataError, match="ordinal"):
        zoo.Space.of(np.zeros((4, 3), dtype=int))


def test_a_space_says_what_a_sample_is() -> None:
    assert str(zoo.Space.ordinal(17, 8, 8)) == "ordinal with 17 levels, [8, 8]"
    assert str(zoo.Space.real(ragged=True, missing=True)) == (
        "real, sequences, missing values allowed"
    )
