"""Limits: said at once of many rows, and sure only where each row would be taken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_core.interfaces import limits
from zoo_core.interfaces.space import Space

_ROWS = 70_000
"""More than one chunk."""


def filled(space: Space) -> Tensor:
    """Rows of zeros, ones and twos in turn, or between."""
    numbers = torch.arange(_ROWS * space.size).reshape(-1, *space.shape)
    if space.entries is not None:
        return (numbers % 2).double()
    return numbers % 2 if space.kind.discrete else (numbers % 7).double() / 7


SPACES = (
    Space.real(3),
    Space.unit(3),
    Space.angle(3),
    Space.binary(3),
    Space.categorical(3, 3),
    Space.count(3),
    Space.mixed({"a": Space.real(), "b": Space.categorical(3), "c": Space.count()}),
)
BAD = (math.nan, math.inf, -math.inf, -1.0, -2.0, 0.5, 3.0, 4.0)


@pytest.mark.parametrize(
    ("space", "missing", "bad"),
    list(itertools.product(SPACES, (False, True), BAD)),
    ids=lambda one: str(one),
)
def test_one_pass_says_what_looking_at_each_number_says(
    space: Space, missing: bool, bad: float
) -> None:
    space = space.model_copy(update={"missing": missing})
    x = filled(space)
    if not x.is_floating_point() and not bad.is_integer():
        return
    assert space.check(x) is x
    for column in range(3):
        spoiled = x.clone()
        spoiled[_ROWS - 2, column] = bad
        allowed = not list(_outside(space, bad, column))
        assert space._surely_holds(spoiled) is allowed
        if allowed:
            space.check(spoiled)
        else:
            with pytest.raises(DataError, match=f"at row {_ROWS - 2}, "):
                space.check(spoiled)


def _outside(space: Space, value: float, column: int) -> Iterator[str]:
    """Say, number by number, what is wrong with a value."""
    entry = space.entry_spaces[column]
    if space.missing and (value == -1 if space.kind.discrete else math.isnan(value)):
        return
    if not math.isfinite(value):
        yield "not finite"
    if entry.kind.discrete and not float(value).is_integer():
        yield "a fraction"
    low, high = entry._bounds()
    if not low <= value <= high:
        yield "outside"


def test_sums_that_overflow_are_looked_at_again() -> None:
    x = torch.full((4, 2), 3e38)
    assert not Space.real(2)._surely_holds(x)
    assert Space.real(2).check(x) is x


def test_no_numbers_are_within_all_limits() -> None:
    for space in (Space.binary(0), Space.real(0, missing=True), Space.unit(0)):
        x = torch.zeros(5, 0, dtype=torch.int64 if space.kind.discrete else None)
        assert space.check(x) is x


@pytest.mark.parametrize("missing", [False, True])
def test_whole_numbers_held_as_floats_become_codes(missing: bool) -> None:
    x = torch.arange(200_000).double().reshape(-1, 2)
    codes = limits.as_codes(x, missing=missing)
    assert codes is not None
    assert torch.equal(codes, x.long())
    for bad in (0.5, math.inf, -math.inf, 2.0**63, 1e300, math.nan):
        spoiled = x.clone()
        spoiled[99_999, 1] = bad
        codes = limits.as_codes(spoiled, missing=missing)
        if missing and math.isnan(bad):
            assert codes is not None
            assert codes[99_999, 1] == -1
        else:
            assert codes is None
    assert torch.equal(zoo.Space.count(2).tensor(x.float()[:5]), x[:5].long())


def test_data_with_a_graph_are_checked_without_one() -> None:
    x = torch.rand(5, 2, requires_grad=True)
    for space in (Space.real(2), Space.unit(2, missing=True)):
        assert space.check(x) is x
