"""What is typed after `zoo train`, and the recipe that it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import torch

from zoo_core.errors import ConfigError, OptionError
from zoo_plugin_training.recipe_file import recipe_text
from zoo_plugin_training.run_options import check_fields, check_options
from zoo_plugin_training.run_request import Asked, check_agreement, resolved
from zoo_plugin_training.run_values import dotted, parse_space


def _asked(**given: Any) -> Asked:
    return Asked(**{"architecture": "flows/nsf", "data": "moons", "out": "runs/a", **given})


def test_values_are_json_or_text_and_dots_nest() -> None:
    texts = ["hidden=[8, 8]", "act=relu", "a.b.c=1", "a.b.d=true", "a.e=null", "s=1.5e-3"]
    assert dotted("--set", texts) == {
        "hidden": [8, 8],
        "act": "relu",
        "a": {"b": {"c": 1, "d": True}, "e": None},
        "s": 0.0015,
    }


@pytest.mark.parametrize("texts", [["depth"], ["=3"], ["a..b=3"], ["a-b=3"], ["a=1", "a=2"]])
def test_other_forms_are_refused(texts: list[str]) -> None:
    with pytest.raises(click.BadParameter, match="--set name=value"):
        dotted("--set", texts)


def test_spaces_are_written_short() -> None:
    assert parse_space("real:2") == {"kind": "real", "shape": [2]}
    assert parse_space("ordinal:17:8x8") == {"kind": "ordinal", "levels": 17, "shape": [8, 8]}
    assert parse_space("unit:3x32x32") == {"kind": "unit", "shape": [3, 32, 32]}
    assert parse_space("angle") == {"kind": "angle"}
    assert parse_space('{"kind": "real", "shape": [2]}') == {"kind": "real", "shape": [2]}
    for wrong in ("reel:2", "real:2x", "ordinal:a:8", "3"):
        with pytest.raises(click.BadParameter, match="KIND:SHAPE"):
            parse_space(wrong)


def test_everything_asked_is_in_the_recipe() -> None:
    recipe = resolved(
        _asked(
            condition=("species", "island"),
            columns="a,b",
            settings=("transforms=8", "conditioner.architecture=core/label"),
            steps=500,
            learning_rate=0.01,
            fit_options=("clip_norm=1",),
            seed=3,
            draws=100,
            space="real:2",
            valid_data="more.csv",
        )
    )
    assert recipe.data.condition == ("species", "island") and recipe.data.columns == ("a", "b")
    assert recipe.data.space is not None and recipe.data.space.shape == (2,)
    assert (recipe.data.draws, recipe.data.valid, recipe.seed) == (100, "more.csv", 3)
    assert recipe.config["transforms"] == 8
    assert recipe.fit == {"steps": 500, "learning_rate": 0.01, "clip_norm": 1}
    assert recipe.threads == torch.get_num_threads()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"data": None}, "--data"),
        ({"architecture": None}, "ARCHITECTURE"),
        ({"init": "flows/x", "settings": ("a=1",)}, "--set"),
        ({"steps": 5, "fit_options": ("steps=6",)}, "not both"),
    ],
)
def test_what_is_missing_or_said_twice_is_told(given: dict[str, Any], says: str) -> None:
    with pytest.raises(click.UsageError, match=says):
        resolved(_asked(**given))


def test_a_recipe_file_is_begun_with_and_flags_lie_over_it(tmp_path: Path) -> None:
    first = resolved(_asked(settings=("transforms=8", "bins=4"), steps=500, ema=0.9))
    path = tmp_path / "r.yaml"
    metric = {"name": "NLL", "value": 1.0, "tolerance": 0.1}
    path.write_text(recipe_text(first.replaced(metrics=[metric], minutes=2.0)))
    asked = Asked(recipe=str(path), settings=("bins=6",), steps=9, data="other", out="runs/b")
    second = resolved(asked)
    assert second.config == {"transforms": 8, "bins": 6}
    assert second.fit == {"steps": 9, "ema": 0.9}
    assert (second.data.name, second.metrics, second.minutes) == ("other", (), None)


def test_a_resumed_run_does_what_its_recipe_says() -> None:
    recipe = resolved(_asked(settings=("transforms=8",), steps=500))
    alone = Asked(out="runs/a", resume=True)
    assert check_agreement(alone, recipe) == recipe
    same = _asked(settings=("transforms=8",), steps=500, resume=True)
    assert check_agreement(same, recipe) == recipe
    moved = Asked(out="runs/a", resume=True, data="/elsewhere/moons")
    assert check_agreement(moved, recipe).data.name == "/elsewhere/moons"
    other = _asked(settings=("transforms=9",), steps=600, resume=True, seed=1)
    with pytest.raises(OptionError, match=r"config\.transforms, fit\.steps, seed"):
        check_agreement(other, recipe)


def test_unknown_fields_and_options_get_the_closest_names(gaussian: Any) -> None:
    with pytest.raises(ConfigError, match="Did you mean dimension"):
        check_fields(gaussian, ["dimensoin"])
    recipe = resolved(_asked(fit_options=("learning_rat=1",)))
    with pytest.raises(OptionError, match="learning_rate"):
        check_options(recipe, gaussian)
    with pytest.raises(OptionError, match="--out"):
        check_options(resolved(_asked(fit_options=("out=x",))), gaussian)


def test_options_are_resolved_so_that_later_defaults_change_nothing(gaussian: Any) -> None:
    options = check_options(
        resolved(_asked(steps=5, fit_options=("checkpoint_every=3",))), gaussian
    )
    assert options["steps"] == 5 and options["checkpoint_every"] == 3
    assert {"batch_size", "learning_rate", "schedule"} <= options.keys()
    assert not {"out", "resume", "progress", "track"} & options.keys()


def test_going_on_from_a_trained_model_keeps_its_preprocessing(gaussian: Any) -> None:
    recipe = resolved(_asked(init="flows/x"))
    assert check_options(recipe, gaussian)["keep_preprocessing"] is True
    chosen = resolved(_asked(init="flows/x", fit_options=("keep_preprocessing=false",)))
    assert check_options(chosen, gaussian)["keep_preprocessing"] is False
