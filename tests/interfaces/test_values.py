"""Ragged, Codes and Context: rows in, rows out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import zoo_core as zoo
from zoo_core.errors import ConditionError, DataError
from zoo_core.interfaces.codes import Codes


def _ragged() -> zoo.Ragged:
    return zoo.Ragged.of([torch.arange(2.0), torch.arange(0.0), torch.arange(3.0)])


def test_ragged_indexing_joining_and_padding() -> None:
    ragged = _ragged()
    assert len(ragged) == 3
    assert [row.tolist() for row in ragged] == [[0, 1], [], [0, 1, 2]]
    assert isinstance(ragged[2], torch.Tensor)
    chosen = ragged[torch.tensor([2, 0])]
    assert isinstance(chosen, zoo.Ragged)
    assert chosen.lengths.tolist() == [3, 2]
    assert zoo.Ragged.cat([ragged, chosen]).lengths.tolist() == [2, 0, 3, 3, 2]
    rows, mask = ragged.padded(-1)
    assert rows.tolist() == [[0, 1, -1], [-1, -1, -1], [0, 1, 2]]
    assert mask.sum(1).tolist() == [2, 0, 3]
    assert ragged.segment_sum(ragged.values).tolist() == [1, 0, 3]


def test_ragged_refuses_lengths_that_do_not_add_up() -> None:
    with pytest.raises(DataError, match="add up"):
        zoo.Ragged(torch.zeros(4), torch.tensor([1, 2]))
    with pytest.raises(DataError):
        zoo.Ragged(torch.zeros(1), torch.tensor([2, -1]))


def test_context_where_cat_and_expand() -> None:
    first = zoo.Context(vector=torch.zeros(1, 2))
    second = zoo.Context(vector=torch.ones(3, 2))
    mixed = zoo.Context.where(torch.tensor([True, False, True]), first, second)
    assert mixed.as_vector()[:, 0].tolist() == [0, 1, 0]
    assert len(zoo.Context.cat([first, second])) == 4
    with pytest.raises(ConditionError):
        second.expand(2)


def test_contexts_of_sequences_are_padded_when_joined() -> None:
    short = zoo.Context(sequence=torch.ones(1, 1, 2), mask=torch.ones(1, 1, dtype=torch.bool))
    long = zoo.Context(sequence=torch.ones(1, 3, 2), mask=torch.ones(1, 3, dtype=torch.bool))
    joined = zoo.Context.cat([short, long])
    assert joined.mask is not None
    assert joined.mask.sum(1).tolist() == [1, 3]
    # The mean runs over real entries alone.
    assert torch.equal(joined.as_vector(), torch.ones(2, 2))
    sequence, mask = zoo.Context(vector=torch.ones(2, 4)).as_sequence()
    assert sequence.shape == (2, 1, 4)
    assert mask.all()


def test_a_context_must_hold_something_consistent() -> None:
    with pytest.raises(ConditionError):
        zoo.Context()
    with pytest.raises(ConditionError):
        zoo.Context(sequence=torch.ones(1, 2, 3))
    with pytest.raises(ConditionError):
        zoo.Context.cat(
            [zoo.Context(vector=torch.ones(1, 2)), zoo.Context(image=torch.ones(1, 1, 2, 2))]
        )


def test_codes_expand_one_row_and_refuse_another_number() -> None:
    codes = Codes({"label": torch.tensor([3])})
    assert codes.expand(4)["label"].tolist() == [3, 3, 3, 3]
    with pytest.raises(ConditionError, match="one for each"):
        codes.expand(2).expand(3)


def test_a_ragged_is_made_of_arrays_and_refuses_what_is_none() -> None:
    made = zoo.Ragged.of([np.array([1.0, 2.0]), torch.tensor([3.0]).double()])
    assert made.values.tolist() == [1, 2, 3]
    assert made.lengths.tolist() == [2, 1]
    for bad in ([], ["abc"], [np.zeros((2, 1)), np.zeros((2, 3))]):
        with pytest.raises(DataError):
            zoo.Ragged.of(bad)


def test_a_repeated_row_of_codes_is_known_as_such() -> None:
    one = Codes({"label": torch.tensor([2]), "mask": torch.ones(1, 3, dtype=torch.bool)})
    assert one.expand(4).repeats
    assert one.expand(4).take(slice(1, 3)).repeats
    assert not one.repeats
    assert not Codes.cat([one, one]).repeats
