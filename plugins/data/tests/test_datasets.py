"""Data sets by name: rows, splits, provenance."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import zoo_plugin_data
from zoo_core.errors import DataError, UnknownNameError


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


@pytest.mark.parametrize("name", zoo_plugin_data.names())
def test_splits_are_disjoint_and_complete(name: str) -> None:
    parts = {split: zoo_plugin_data.load(name, split) for split in zoo_plugin_data.Split}
    assert sum(len(parts[s]) for s in ("train", "valid", "test")) == len(parts["all"])
    rows = torch.cat([parts[s].x for s in ("train", "valid", "test")]).flatten(1)
    assert len(torch.unique(rows, dim=0)) == len(torch.unique(parts["all"].x.flatten(1), dim=0))
    assert {len(p.sha256) for p in parts.values()} == {64}
    assert len({p.sha256 for p in parts.values()}) == 1
    for part in parts.values():
        part.space.check(part.x)
        assert len(part.labels) == len(part.x)
        assert part.condition is part.labels
        assert len(part.classes) == int(parts["all"].labels.max()) + 1
        assert part.provenance and part.license


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
