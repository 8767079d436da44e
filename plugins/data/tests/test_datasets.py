"""Data sets by name: rows, splits, provenance."""

from __future__ import annotations

import subprocess
import sys
from pydoc_data.topics import topics

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import zoo_core as zoo
import zoo_plugin_data
from zoo_core.errors import DataError, UnknownNameError
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.plugins import facade
from zoo_plugin_data import Pinwheel


def test_digits_are_scikit_learns() -> None:
    everything = zoo_plugin_data.load("digits", "all")
    images, labels = load_digits(return_X_y=True)
    assert np.array_equal(everything.x.numpy(), images.reshape(-1, 8, 8))
    assert np.array_equal(everything.labels.numpy(), labels)
    assert everything.x.dtype == torch.int64
    assert (everything.license, len(everything.classes)) == ("CC-BY-4.0", 10)
    everything.space.check(everything.x)
    assert (everything.space.levels, everything.space.shape) == (17, (8, 8))


def test_the_test_split_is_the_stratified_quarter_of_seed_0() -> None:
    images, labels = load_digits(return_X_y=True)
    _, held = train_test_split(np.arange(1797), test_size=0.25, random_state=0, stratify=labels)
    test = zoo_plugin_data.load("digits", "test")
    assert np.array_equal(test.x.numpy().reshape(-1, 64), images[np.sort(held)])


def values(part: Dataset) -> torch.Tensor:
    """The rows, or the steps of all sequences; a missing number is −1."""
    x = part.data.x if isinstance(part.data, zoo.Batch) else part.x
    return (x.values if isinstance(x, zoo.Ragged) else x).nan_to_num(-1.0)


@pytest.mark.parametrize("name", zoo_plugin_data.names())
def test_every_split_says_what_it_is(name: str) -> None:
    parts = [zoo_plugin_data.load(name, split) for split in zoo_plugin_data.Split]
    assert len({part.sha256 for part in parts}) == 1
    for part in parts:
        x = part.data.x
        part.space.check(x.values if part.space.ragged else x)
        assert part.provenance and part.license and len(part.sha256) == 64
        assert part.condition is part.labels
        if part.classes:
            assert len(part.labels) == len(part.data)
            assert int(part.labels.max()) < len(part.classes)
        assert part.condition is None or len(part.condition) == len(part)
        assert (part.space.kind == "categorical") == bool(part.alphabet)


@pytest.mark.parametrize(
    "name", [name for name in zoo_plugin_data.names() if not name.endswith("inliers")]
)
def test_splits_are_disjoint_and_complete(name: str) -> None:
    parts = {split: zoo_plugin_data.load(name, split) for split in zoo_plugin_data.Split}
    rows = torch.cat([values(parts[s]) for s in ("train", "valid", "test")])
    whole = values(parts["all"])
    assert len(rows) == len(whole)
    assert len(torch.unique(rows, dim=0)) == len(torch.unique(whole, dim=0))


def test_toys_say_which_model_they_are_drawn_from() -> None:
    train, test = (zoo_plugin_data.load("pinwheel", split) for split in ("train", "test"))
    assert train.exact == test.exact == zoo.Part("data/pinwheel")
    exact = zoo.create(train.exact.architecture, **train.exact.config)
    assert isinstance(exact, Pinwheel)
    assert -float(exact.log_prob(test.x).mean()) == pytest.approx(exact.entropy(), abs=0.03)
    assert zoo_plugin_data.load("digits").exact is None


def test_fresh_draws_are_other_rows_of_the_same_model() -> None:
    request = DataRequest(split=Split.TRAIN, draws=3000)
    drawn, again = (facade.open_data("torus", request) for _ in range(2))
    fixed = facade.open_data("torus", DataRequest(split=Split.TRAIN))
    assert len(drawn) == len(drawn.labels) == 3000
    assert torch.equal(drawn.x, again.x)
    assert not torch.equal(drawn.x, fixed.x[:3000])
    assert (drawn.sha256, drawn.exact, drawn.space) == (fixed.sha256, fixed.exact, fixed.space)
    for name, split in (("digits", Split.TRAIN), ("torus", Split.TEST)):
        with pytest.raises(DataError, match="Fresh"):
            facade.open_data(name, DataRequest(split=split, draws=3))


def test_columns_of_a_data_set_by_name() -> None:
    names = ("sepal length (cm)", "petal width (cm)")
    whole = facade.open_data("iris", DataRequest())
    some = facade.open_data("iris", DataRequest(columns=names, condition=("label",)))
    assert torch.equal(some.x, whole.x[:, [0, 3]]) and torch.equal(some.labels, whole.labels)
    assert some.space.columns == names and some.classes == whole.classes
    told = facade.open_data("iris", DataRequest(condition=names[:1], weight=names[1]))
    assert torch.equal(told.condition, whole.x[:, :1]) and told.classes == ()
    assert told.x.shape == (150, 2) and torch.equal(told.data.weight, whole.x[:, 3].double())
    with pytest.raises(DataError, match="Did you mean 'label'"):
        facade.open_data("moons", DataRequest(condition=("lable",)))
    assert facade.open_data("diabetes", DataRequest(condition=("label",))).condition.shape == (
        442,
        1,
    )
    real = facade.open_data("digits", DataRequest(space=zoo.Space.real(8, 8)))
    assert real.x.is_floating_point() and real.space == zoo.Space.real(8, 8)
    with pytest.raises(DataError, match="digits, opened as"):
        facade.open_data("digits", DataRequest(space=zoo.Space.ordinal(16, 8, 8)))


def test_a_column_of_categories_is_a_condition_with_classes() -> None:
    told = facade.open_data("penguins", DataRequest(condition=("sex",)))
    assert told.classes == ("female", "male")
    assert told.condition[:6].tolist() == [1, 0, 0, -1, 0, 1]
    assert told.space.columns is not None and "sex" not in told.space.columns
    assert str(told.space.entries[1].kind) == "real" and told.space.missing
    whole = facade.open_data("penguins", DataRequest())
    missing = int(torch.isnan(whole.x[:, 5]).sum())
    assert int((told.condition == -1).sum()) == missing == 11
    years = facade.open_data("penguins", DataRequest(condition=("year",)))
    assert years.classes == ("2007", "2008", "2009")


def test_columns_of_one_kind_of_a_mixed_table() -> None:
    names = ("bill_length_mm", "body_mass_g")
    bills = facade.open_data("penguins", DataRequest(columns=names))
    assert bills.space == zoo.Space.real(2, columns=names, missing=True)
    bills.space.check(bills.x)
    with pytest.raises(DataError, match=r"one in every row\. Received: none in row 3"):
        facade.open_data("penguins", DataRequest(condition=names))


def test_topics_are_text() -> None:
    whole, test = (zoo_plugin_data.load("pydoc-topics", split) for split in ("all", "test"))
    text = "".join(whole.alphabet[code] for code in whole.x.flatten())
    assert text.startswith(topics[min(topics)][:64])
    assert len(test) / len(whole) == pytest.approx(0.1, abs=0.001)
    assert torch.equal(test.x, whole.x[-len(test) :])
    longer = facade.open_data("pydoc-topics", DataRequest(split=Split.TEST, length=100))
    assert longer.x.shape == (len(test) * 64 // 100, 100)
    assert torch.equal(longer.x.flatten(), test.x.flatten()[: longer.x.numel()])
    for request in (DataRequest(length=10**9), DataRequest(length=3)):
        with pytest.raises(DataError, match="[Ww]indow"):
            facade.open_data("moons" if request.length == 3 else "pydoc-topics", request)


def test_loading_twice_gives_the_same() -> None:
    first, second = (zoo_plugin_data.load("moons", "valid") for _ in range(2))
    assert torch.equal(first.x, second.x)
    assert len(first) == 5000


def test_loading_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    zoo_plugin_data.load("digits")
    zoo_plugin_data.load("checkerboard")
    assert torch.equal(before, torch.get_rng_state())


def test_a_mistyped_name_gets_the_closest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'moons'"):
        zoo_plugin_data.load("moon")
    with pytest.raises(DataError, match="train, valid, test, all"):
        zoo_plugin_data.load("moons", "validation")


def test_importing_loads_no_torch() -> None:
    code = "import sys, zoo_plugin_data; sys.exit(bool({'torch', 'sklearn'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
