"""The sets that ship with scikit-learn, against scikit-learn; patches that share no pixel."""

from __future__ import annotations

import csv
from importlib.resources import files
from itertools import pairwise
from pydoc_data.topics import topics

import pytest
import torch
from sklearn import datasets

import zoo_core as zoo
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


PENGUINS = list(
    csv.DictReader(
        files("zoo_plugin_data").joinpath("penguins.csv").read_text("utf-8").splitlines()
    )
)


def test_penguins_are_those_of_the_file() -> None:
    table = zoo_plugin_data.load("penguins", "all")
    assert len(table) == len(PENGUINS) == 344 and table.space.columns is not None
    for place, name in enumerate(table.space.columns):
        names = table.space.entry_spaces[place].names
        for cell, row in zip(table.x[:, place].tolist(), PENGUINS, strict=True):
            if row[name] == "NA":
                assert cell != cell
            elif names is None:
                assert cell == pytest.approx(float(row[name]), rel=1e-6)
            else:
                assert names[int(cell)] == row[name]
    assert [table.classes[code] for code in table.labels] == [row["species"] for row in PENGUINS]


def test_penguins_have_the_counts_and_means_of_their_paper() -> None:
    """152 Adélie, 68 chinstrap and 124 gentoo penguins; gentoos are the heaviest (Gorman 2014)."""
    table = zoo_plugin_data.load("penguins", "all")
    assert torch.bincount(table.labels).tolist() == [152, 68, 124]
    mass = [float(table.x[table.labels == code, 4].nanmean()) for code in range(3)]
    assert mass == pytest.approx([3700.66, 3733.09, 5076.02], abs=0.01)
    assert torch.isnan(table.x).sum(0).tolist() == [0, 2, 2, 2, 2, 11, 0]
    assert table.license == "CC0-1.0"


def test_earthquakes_have_the_likelihood_of_the_literature() -> None:
    """One Poisson has 391.9189 nats (Zucchini and MacDonald 2009, section 1.2.4)."""
    series = zoo_plugin_data.load("earthquakes", "all").data.x
    assert isinstance(series, zoo.Ragged) and series.lengths.tolist() == [107]
    counts = series.values.double()
    rate = counts.mean()
    nats = -torch.distributions.Poisson(rate).log_prob(counts).sum()
    assert float(nats) == pytest.approx(391.9189, abs=1e-4)
    # Mean and variance as they stand there: much more spread than one Poisson has.
    assert (float(rate), float(counts.var())) == pytest.approx((19.36, 51.57), abs=0.01)


def test_earthquakes_are_split_by_years() -> None:
    parts = [zoo_plugin_data.load("earthquakes", s).data.x for s in ("train", "valid", "test")]
    assert [len(part.values) for part in parts] == [77, 10, 20]
    whole = zoo_plugin_data.load("earthquakes", "all").data.x
    assert torch.equal(torch.cat([part.values for part in parts]), whole.values)


def test_letters_are_those_of_the_topics() -> None:
    whole = zoo_plugin_data.load("pydoc-letters", "all")
    first = topics[min(topics)].lower()
    text = "".join(whole.alphabet[code] for code in whole.data.x[0])
    assert text.split() == "".join(c if "a" <= c <= "z" else " " for c in first).split()
    assert "  " not in text and len(whole) == len(topics)
    sizes = [len(zoo_plugin_data.load("pydoc-letters", s).data.x.values) for s in ("train", "test")]
    shares = [size / len(whole.data.x.values) for size in sizes]
    assert shares[0] > 0.75 and 0.05 < shares[1] < 0.15


def test_binary_digits_are_the_digits_from_level_8_on() -> None:
    grey, black = (zoo_plugin_data.load(name, "test") for name in ("digits", "binary-digits"))
    assert torch.equal(black.x, (grey.x > 7).long())
    assert torch.equal(black.labels, grey.labels) and black.space == zoo.Space.binary(8, 8)
