"""The sets that ship with scikit-learn, against scikit-learn; patches that share no pixel."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from sklearn import datasets

import zoo_plugin_data
from zoo_core.errors import DataError
from zoo_plugin_data.classic_tables import IRIS, Table, read_table
from zoo_plugin_data.photo_patches import COLUMNS

SHAPES = {"iris": (150, 4, 3), "wine": (178, 13, 3), "breast-cancer": (569, 30, 2)}


@pytest.mark.parametrize("name", SHAPES)
def test_tables_with_classes(name: str) -> None:
    rows, columns, classes = SHAPES[name]
    table = zoo_plugin_data.load(name, "all")
    theirs = vars(datasets)[f"load_{name.replace('-', '_')}"]()
    assert table.x.shape == (rows, columns)
    torch.testing.assert_close(table.x, torch.from_numpy(theirs["data"]).float())
    assert table.labels.tolist() == theirs["target"].tolist()
    assert table.space.columns == tuple(theirs["feature_names"])
    assert len(table.classes) == classes


def test_the_condition_of_diabetes_is_a_vector() -> None:
    table = zoo_plugin_data.load("diabetes", "all")
    assert table.x.shape == (442, 10)
    assert table.condition.shape == (442, 1)
    assert float(table.condition.min()) == 25.0
    assert table.classes == ()


@pytest.mark.parametrize("name", [*SHAPES, "diabetes"])
def test_splits_are_disjoint_and_whole(name: str) -> None:
    parts = {split: zoo_plugin_data.load(name, split) for split in ("train", "valid", "test")}
    sizes = {split: len(part) for split, part in parts.items()}
    whole = zoo_plugin_data.load(name, "all")
    assert sum(sizes.values()) == len(whole)
    assert sizes["test"] == pytest.approx(len(whole) / 4, abs=1)
    together = torch.cat([part.x for part in parts.values()])
    assert sorted(together.tolist()) == sorted(whole.x.tolist())


@pytest.mark.parametrize(
    ("name", "inliers"), [("breast-cancer-inliers", 357), ("wine-inliers", 119)]
)
def test_inliers(name: str, inliers: int) -> None:
    parts = [zoo_plugin_data.load(name, split) for split in ("train", "valid", "test")]
    assert sum(map(len, parts)) == inliers
    assert all(bool((part.labels == 0).all()) for part in parts)
    whole = zoo_plugin_data.load(name, "all")
    assert int((whole.labels == 0).sum()) == inliers < len(whole)


def test_other_data_than_scikit_learns_are_refused() -> None:
    wrong = Table(IRIS.name, IRIS.function, IRIS.provenance, IRIS.license, "0" * 64)
    with pytest.raises(DataError, match="iris"):
        read_table(wrong)


def test_patches_are_the_photographs() -> None:
    train = zoo_plugin_data.load("photo-patches", "train")
    china = torch.from_numpy(datasets.load_sample_image("china.jpg").copy())
    assert train.x.shape == (2 * 52 * 55, 3, 16, 16)
    assert torch.equal(train.x[0], china[:16, :16].permute(2, 0, 1).long())
    assert torch.equal(train.x[56], china[8:24, 8:24].permute(2, 0, 1).long())
    assert train.labels.tolist() == [0] * (52 * 55) + [1] * (52 * 55)


def test_no_pixel_is_in_two_splits() -> None:
    ends = sorted((columns.start, columns.stop) for columns in COLUMNS.values())
    assert all(first[1] <= second[0] for first, second in pairwise(ends))
    whole = zoo_plugin_data.load("photo-patches", "all")
    assert len(whole) == sum(len(zoo_plugin_data.load("photo-patches", s)) for s in COLUMNS)
