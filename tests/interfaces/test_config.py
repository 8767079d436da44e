"""Config and Part: frozen, strict, and whole through JSON."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import pytest

import zoo_core as zoo
from zoo_core.errors import ConfigError
from zoo_core.interfaces.part import part_fields


class Colour(StrEnum):
    RED = "red"


class Settings(zoo.Config):
    hidden: tuple[int, ...] = (64, 64)
    rate: float = 0.1
    colour: Colour = Colour.RED
    prior: Annotated[zoo.Part, zoo.Provides(zoo.Generator, zoo.DensityModel)] | None = None
    layers: tuple[Annotated[zoo.Part, zoo.Provides(zoo.Generator)], ...] = ()


def test_lists_text_and_mappings_are_accepted_by_parse() -> None:
    settings = Settings.parse(
        {"hidden": [8], "colour": "red", "prior": {"architecture": "a/b", "config": {"k": [1]}}}
    )
    assert settings.hidden == (8,)
    assert settings.colour is Colour.RED
    assert settings.prior == zoo.Part("a/b", {"k": [1]})
    assert Settings.parse(json.loads(json.dumps(settings.to_json()))) == settings
    assert hash(settings) == hash(Settings.parse(settings.to_json()))


@pytest.mark.parametrize(
    "fields",
    [
        {"hiden": [8]},
        {"rate": "0.1"},
        {"hidden": ["a"]},
        {"rate": float("nan")},
        {"colour": "blue"},
    ],
)
def test_unknown_and_ill_typed_fields_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(fields))):
        Settings.parse(fields)


def test_a_mistyped_field_gets_the_closest_name() -> None:
    with pytest.raises(ConfigError, match="Did you mean hidden"):
        Settings.parse({"hiden": [8]})


def test_configurations_are_frozen_to_the_bottom() -> None:
    part = zoo.Part("a/b", {"widths": [1, 2]})
    with pytest.raises(ValueError, match="frozen"):
        part.architecture = "c/d"
    with pytest.raises(TypeError):
        part.config["widths"] = [3]  # pyright: ignore[reportIndexIssue]
    assert part.config["widths"] == (1, 2)


def test_part_fields_and_what_they_must_provide_are_read_from_the_annotations() -> None:
    fields = {field.name: field.interfaces for field in part_fields(Settings)}
    assert fields == {
        "prior": (zoo.Generator, zoo.DensityModel),
        "layers": (zoo.Generator,),
    }


def test_lists_of_mappings_are_configurations() -> None:
    layers = [{"architecture": "a/b"}, {"architecture": "c/d", "config": {"k": [{"l": 1}]}}]
    assert Settings.parse({"layers": layers}).layers[1] == zoo.Part("c/d", {"k": [{"l": 1}]})
    assert Settings(layers=[zoo.Part("a/b")]).layers == (zoo.Part("a/b"),)  # pyright: ignore


def test_values_that_are_no_json_are_refused() -> None:
    with pytest.raises(ConfigError, match="JSON"):
        Settings.parse({"rate": object()})
