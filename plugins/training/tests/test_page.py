"""The commands of the page on training are commands, with options that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from zoo_plugin_training.command import command as train
from zoo_plugin_training.recipe_file import read_recipe
from zoo_plugin_training.reproduce_command import command as reproduce

PAGE = Path(__file__).parents[3] / "docs" / "training.md"
TEXT = PAGE.read_text("utf-8") if PAGE.is_file() else ""
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.M | re.S)
LINES = re.findall(r"^(?:\$ |    )((?:zoo|torchrun) .*)$", TEXT, re.M)
COMMANDS: dict[str, click.Command] = {"train": train, "reproduce": reproduce}

pytestmark = pytest.mark.skipif(not TEXT, reason="the documents are not in this distribution")


@pytest.mark.parametrize("line", LINES)
def test_every_command_is_understood(line: str) -> None:
    words = shlex.split(line)
    place = next((words.index(name) for name in COMMANDS if name in words), None)
    if place is None:
        assert words[1] in ("sample", "push")
        return
    COMMANDS[words[place]].make_context("zoo", words[place + 1 :])


def test_the_recipe_is_one(tmp_path: Path) -> None:
    (recipe,) = (text for language, text in BLOCKS if language == "yaml")
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe, "utf-8")
    assert read_recipe(path).metrics[0].tolerance == 0.021
