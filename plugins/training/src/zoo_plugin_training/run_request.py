"""What a person asks of `zoo train`, resolved into a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import click
import torch

from zoo_core.cli.reference_information import STARTS
from zoo_core.errors import OptionError
from zoo_core.interfaces.space import Kind
from zoo_plugin_training.recipe import Recipe
from zoo_plugin_training.recipe_file import read_recipe
from zoo_plugin_training.run_values import dotted, merged, parse_space


@final
@dataclass(frozen=True, kw_only=True)
class Asked:
    """The arguments of `zoo train` as they were typed; None for what was left out."""

    architecture: str | None = None
    data: str | None = None
    condition: tuple[str, ...] = ()
    columns: str | None = None
    weight: str | None = None
    space: str | None = None
    length: int | None = None
    documents: str | None = None
    draws: int | None = None
    all_rows: bool = False
    valid_share: float | None = None
    test_share: float | None = None
    valid_data: str | None = None
    out: str
    settings: tuple[str, ...] = ()
    fit_options: tuple[str, ...] = ()
    steps: int | None = None
    epochs: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    ema: float | None = None
    seed: int | None = None
    init: str | None = None
    recipe: str | None = None
    resume: bool = False
    device: str | None = None
    track: str | None = None

    def fields(self) -> dict[str, Any]:
        """Give the recipe's fields that were asked for."""
        plain = {"architecture": self.architecture, "init": self.init, "seed": self.seed}
        found = {name: value for name, value in plain.items() if value is not None}
        nested = {"data": self._data(), "config": self._config(), "fit": self._fit()}
        return found | {name: fields for name, fields in nested.items() if fields}

    def _data(self) -> dict[str, Any]:
        names = self.columns.split(",") if self.columns is not None else None
        mixed = self.space == Kind.MIXED
        space = parse_space(self.space) if self.space is not None and not mixed else None
        plain = {
            "name": self.data,
            "condition": list(self.condition) or None,
            "columns": names,
            "weight": self.weight,
            "space": space,
            "mixed": mixed or None,
            "length": self.length,
            "documents": self.documents,
            "draws": self.draws,
            "split": "all" if self.all_rows else None,
            "valid_share": self.valid_share,
            "test_share": self.test_share,
            "valid": self.valid_data,
        }
        return {name: value for name, value in plain.items() if value is not None}

    def _config(self) -> dict[str, Any]:
        return dotted("--set", self.settings)

    def _fit(self) -> dict[str, Any]:
        flags = {
            "steps": self.steps,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "ema": self.ema,
        }
        given = {name: value for name, value in flags.items() if value is not None}
        more = dotted("--fit", self.fit_options)
        twice = given.keys() & more.keys()
        if twice:
            name = min(twice)
            raise click.UsageError(f"give --{name.replace('_', '-')} or --fit {name}=…, not both")
        return given | more


def resolved(asked: Asked) -> Recipe:
    """Make the recipe of a run that begins; what follows from data is still left out.

    Raises ZooError's children and UsageError for what can be told before any data are read.
    """
    fields: dict[str, Any] = {"recipe": 1, "threads": torch.get_num_threads()}
    if asked.recipe is not None:
        fields = read_recipe(Path(asked.recipe)).to_json()
        fields |= {"metrics": [], "minutes": None}
    fields = merged(fields, asked.fields())
    _refuse_place(fields.get("architecture", ""))
    if fields.get("init") and fields.get("config"):
        raise click.UsageError("--init brings its configuration; leave --set out")
    if not fields.get("architecture") and not fields.get("init"):
        raise click.UsageError("say what to train: zoo train ARCHITECTURE, or --init NAME")
    if not fields.get("data", {}).get("name"):
        raise click.UsageError("say what to train on: --data REF")
    return Recipe.parse(fields)


def _refuse_place(architecture: str) -> None:
    """Raise UsageError where a model's place stands for an architecture."""
    if architecture.startswith(STARTS):
        raise click.UsageError(
            f"an architecture is a name, such as flows/nsf; to go on from the model that is there: "
            f"zoo train --init {architecture}"
        )


def check_agreement(asked: Asked, recipe: Recipe) -> Recipe:
    """Let a run go on as its recipe says; other places of the same data are taken.

    Raises OptionError for arguments that say something else than the recipe.
    """
    told = recipe.to_json()
    moved = asked.fields()
    name = moved.get("data", {}).pop("name", None)
    other = sorted(_differences(moved, told))
    if other or asked.recipe is not None:
        raise OptionError(
            "A run that is resumed goes on as its recipe.yaml says",
            received=f"something else for {', '.join(other) or '--recipe'}",
            remedy=f"Leave it out: zoo train --resume --out {asked.out}; or begin another run.",
        )
    if name is None or name == recipe.data.name:
        return recipe
    return Recipe.parse(merged(told, {"data": {"name": name}}))


def _differences(asked: Mapping[str, Any], told: Mapping[str, Any], at: str = "") -> set[str]:
    found: set[str] = set()
    for name, value in asked.items():
        other = told.get(name)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            found |= _differences(value, other, f"{at}{name}.")
        elif value != other and value:
            found.add(f"{at}{name}")
    return found
