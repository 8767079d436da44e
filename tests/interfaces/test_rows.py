"""Rows that are fetched when asked for, torch Datasets, and requests for data."""

from __future__ import annotations

from typing import Any, final

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import TensorDataset

import zoo_core as zoo
from models.gaussian import Gaussian
from zoo_core.errors import ConditionError, DataError, PluginMissingError
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.interfaces.requests import checked_batches
from zoo_core.interfaces.rows import CHUNK, Rows
from zoo_core.plugins import facade


@final
class Held(Rows):
    def __init__(self, x: Tensor, condition: Tensor | None = None) -> None:
        self.x, self.condition = x, condition

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Tensor) -> zoo.Batch:
        return zoo.Batch(self.x, self.condition).take(rows)


@final
class Items(TorchDataset[Any]):
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> Any:
        return self.items[number]


PLAIN = Gaussian.create(space=zoo.Space.real(2))
TOLD = Gaussian.create(
    space=zoo.Space.real(2), conditioner=zoo.Part("core/label", {"classes": 2, "names": ["a", "b"]})
)


def test_rows_are_gone_through_in_order_again_and_again() -> None:
    x = torch.randn(2 * CHUNK + 3, 2)
    rows = checked_batches(PLAIN, Held(x), None, None)
    for _ in range(2):
        batches = [batch.x for batch in rows]
        assert [len(batch) for batch in batches] == [CHUNK, CHUNK, 3]
        assert torch.equal(torch.cat(batches), x)


def test_a_wrong_row_is_named_by_its_number() -> None:
    x = torch.zeros(2000, 2)
    x[1500, 1] = torch.nan
    rows = checked_batches(PLAIN, Held(x), None, None)
    with pytest.raises(DataError, match="nan, in row 1500 of 2000"):
        list(rows)
    labels = torch.zeros(20, dtype=torch.int64)
    labels[7] = 2
    rows = checked_batches(TOLD, Held(x[:20], labels), None, None)
    with pytest.raises(ConditionError, match="in row 7 of 20"):
        list(rows)


def test_rows_that_can_never_be_right_are_refused_at_once() -> None:
    with pytest.raises(DataError, match="at least one row"):
        checked_batches(PLAIN, Held(torch.zeros(0, 2)), None, None)
    with pytest.raises(DataError, match="shape"):
        checked_batches(PLAIN, Held(torch.zeros(5, 3)), None, None)
    with pytest.raises(DataError, match="bring their own"):
        checked_batches(TOLD, Held(torch.zeros(5, 2)), [0] * 5, None)
    with pytest.raises(ConditionError):
        checked_batches(TOLD, Held(torch.zeros(5, 2)), None, None)


def test_a_chunk_may_have_no_weight_at_all() -> None:
    batches = [zoo.Batch(torch.zeros(2, 2), None, torch.tensor([w, w])) for w in (0.0, 1.0)]
    weights = [batch.weight for batch in checked_batches(PLAIN, batches, None, None)]
    assert torch.equal(torch.cat(weights), torch.tensor([0, 0, 1, 1], dtype=torch.float64))


def test_a_torch_dataset_gives_x_or_x_and_condition() -> None:
    x = torch.randn(5, 2)
    numbers = torch.tensor([4, 0])
    for data in (TensorDataset(x), Items([*x]), Items([row.numpy() for row in x])):
        rows = checked_batches(PLAIN, data, None, None)
        assert torch.equal(rows.take(numbers).x, x[numbers])
    for labels in (torch.tensor([0, 1, 0, 1, 1]), ["a", "b", "a", "b", "b"]):
        items = Items(list(zip(x, labels, strict=True)))
        taken = checked_batches(TOLD, items, None, None).take(numbers)
        assert torch.equal(taken.x, x[numbers])
        assert taken.condition["label"].tolist() == [1, 0]


def test_a_torch_dataset_of_uneven_items_is_refused() -> None:
    rows = checked_batches(PLAIN, Items([torch.zeros(2), torch.zeros(3)]), None, None)
    with pytest.raises(DataError, match="of one shape"):
        list(rows)
    with pytest.raises(DataError, match=r"x, or \(x, condition\)"):
        checked_batches(PLAIN, Items([(1, 2, 3)]), None, None)
    with pytest.raises(DataError, match="how many items"):
        checked_batches(PLAIN, TorchDataset(), None, None)


def test_a_dataset_says_what_it_is() -> None:
    x, labels = torch.zeros(3, 2), torch.tensor([0, 1, 0])
    held = Dataset("mine", Split.TRAIN, zoo.Batch(x, labels), zoo.Space.real(2), ("a", "b"))
    assert held.x is x and held.labels is held.condition is labels and len(held) == 3
    fetched = Dataset("mine", Split.TRAIN, Held(x), zoo.Space.real(2))
    assert len(fetched) == 3
    with pytest.raises(DataError, match="in memory"):
        _ = fetched.x


def test_a_request_leaves_rows_to_train_on() -> None:
    for fields in ({"valid_share": 1.0}, {"test_share": -0.1}, {"draws": 0}, {"length": 0}):
        with pytest.raises(DataError):
            DataRequest(**fields)


def test_without_a_reader_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DISABLE", "zoo-plugin-data")
    with pytest.raises(PluginMissingError, match="pip install zoo-plugin-data"):
        facade.open_data("moons", DataRequest())
