"""Recipes: read strictly, written so that they read back the same, changed without losing words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo_core.errors import ConfigError, RegistryFileError
from zoo_plugin_training.recipe import Recipe
from zoo_plugin_training.recipe_file import read_recipe, recipe_text, with_fields

TEXT = """\
# Two moons.
recipe: 1
architecture: flows/nsf
summary: Two moons.
config: {transforms: 6, hidden: [64, 64]}
# Fresh draws, so that nothing is learnt by heart.
data: {name: moons, draws: 400000}
fit: {steps: 3000, learning_rate: 1e-3, ema: 0.998}
seed: 0
tags: [toy]
"""
METRIC = {"name": "NLL", "value": 0.3, "tolerance": 0.02, "unit": "nats", "settings": {"K": 64}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "moons.yaml"
    place.write_text(TEXT)
    return place


def test_what_is_written_reads_back_the_same(path: Path) -> None:
    recipe = read_recipe(path).replaced(
        init="flows/nsf-moons",
        metrics=[METRIC],
        minutes=0.8,
        citation="@article{a,\n  title = {x}\n}\n",
        licenses={"weights": "MIT", "code": "MIT"},
        data={"name": "x.csv", "space": {"kind": "real", "shape": [2]}, "condition": ["label"]},
    )
    path.write_text(recipe_text(recipe))
    assert read_recipe(path) == recipe
    assert Recipe.parse(yaml.safe_load(path.read_text())) == recipe


def test_numbers_are_those_of_yaml_1_2(path: Path) -> None:
    assert read_recipe(path).fit["learning_rate"] == 0.001


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (("seed: 0", "sede: 0"), ConfigError, "Did you mean seed"),
        (("recipe: 1", "recipe: 2"), ConfigError, "Upgrade"),
        (("recipe: 1\n", ""), ConfigError, "recipe: 1"),
        (("seed: 0", "seed: 0\nseed: 1"), RegistryFileError, "moons.yaml:10"),
        (("draws: 400000", "draws: many"), ConfigError, "data.draws"),
        (("name: moons, ", ""), ConfigError, "data.name"),
        (("architecture: flows/nsf\n", ""), ConfigError, "architecture"),
        (("draws: 400000", "valid_share: 0.5, test_share: 0.5"), ConfigError, "leave rows"),
        ((TEXT, "- 1\n"), RegistryFileError, "a recipe is a mapping"),
        ((TEXT, ""), RegistryFileError, "a recipe is not empty"),
    ],
)
def test_mistakes_are_named_with_their_file(
    path: Path, change: tuple[str, str], error: type[Exception], says: str
) -> None:
    path.write_text(TEXT.replace(*change))
    with pytest.raises(error, match=says) as caught:
        read_recipe(path)
    assert "moons.yaml" in str(caught.value)


def test_fields_are_replaced_and_comments_stay() -> None:
    fields: dict[str, Any] = {
        "data": {"name": "moons", "draws": 400000, "sha256": "ab" * 32},
        "metrics": [METRIC, {**METRIC, "name": "KL divergence"}],
        "minutes": 0.8,
    }
    once = with_fields(TEXT, fields)
    assert (
        yaml.safe_load(once)
        == {**yaml.safe_load(TEXT), "fit": yaml.safe_load(once)["fit"]} | fields
    )
    assert "# Two moons.\n" in once and "# Fresh draws" in once
    assert with_fields(once, fields) == once
    without = with_fields(once, {"metrics": None})
    assert "metrics" not in yaml.safe_load(without) and "minutes: 0.8" in without
