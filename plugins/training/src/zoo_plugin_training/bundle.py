"""A model made by its recipe, put into a plugin's package: weights, registry entry, figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import pydantic

from zoo_core.checkpoints.saving import Wrapping, save_folder
from zoo_core.errors import RegistryFileError
from zoo_core.interfaces.model import Model
from zoo_core.plugins import versions
from zoo_core.plugins.yaml_file import read
from zoo_core.publishing import Card
from zoo_core.registry.editing import with_value
from zoo_core.registry.rewriting import rewrite, text_of
from zoo_core.registry.schema import ModelEntry
from zoo_plugin_training.bundle_entry import card_of, entry_of
from zoo_plugin_training.recipe import ExpectedMetric, Recipe
from zoo_plugin_training.recipe_file import with_fields, write_whole
from zoo_plugin_training.reproduce import Made
from zoo_plugin_training.reproduce_comparison import expected_of


@final
class Package:
    """A plugin's package: its registry file, models/ and recipes/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = folder / "registry.yaml"
        if not self.registry.is_file():
            raise RegistryFileError(
                "A plugin's package has a registry.yaml",
                received=f"{folder}, which has none",
                remedy="Give the folder of the package: --bundle src/zoo_plugin_mine.",
            )
        self.plugin = read(str(self.registry)).get("plugin", {})

    def name_of(self, recipe: Path) -> str:
        """Give the name that a recipe's model has in this plugin."""
        return f"{self.plugin['namespace']}/{recipe.stem}"

    def add(self, recipe_path: Path, recipe: Recipe, made: Made) -> str:
        """Save the model here, write its entry and its figures; gives its name.

        The recipe's file is copied to recipes/ where it lies elsewhere.
        """
        name = self.name_of(recipe_path)
        expected = [expected_of(metric) for metric in made.metrics]
        text = updated(recipe_path.read_text(encoding="utf-8"), made, expected)
        card = card_of(name, recipe, made.test, expected)
        _require_licenses(card, recipe_path)
        folder = self.folder / "models" / recipe_path.stem
        (folder / "README.md").unlink(missing_ok=True)
        model = made.run.model
        save_folder(model, folder, Wrapping(card, name, plugins=_plugins(model)))
        place = self.folder / "recipes" / f"{recipe_path.stem}.yaml"
        place.parent.mkdir(exist_ok=True)
        write_whole(place, text)
        self._register(name, entry_of(model, folder, card, recipe_path.stem))
        return name

    def _register(self, name: str, fields: dict[str, Any]) -> None:
        """Put an entry into registry.yaml, in place of the one of that name.

        Comments and everything else stay as they are, and so do the aliases and the status that
        a person gave; a pin on the Hub goes, since it is of other weights.
        """
        before = read(str(self.registry)).get("models", {}).get(name, {})
        fields = {**fields, **{key: before[key] for key in ("aliases", "status") if key in before}}
        try:
            ModelEntry.model_validate(fields)
        except pydantic.ValidationError as error:
            raise RegistryFileError(
                f"The entry of {name} keeps to the registry's schema",
                received="; ".join(f"{e['loc']}: {e['msg']}" for e in error.errors()),
                remedy="Complete the recipe: summary, licenses, tags, citation.",
            ) from None
        # Read at the last moment: others may have added entries while this model was trained.
        text = text_of(self.registry)
        rewrite(self.registry, with_value(str(self.registry), text, ["models", name], fields))


def updated(text: str, made: Made, expected: Sequence[ExpectedMetric]) -> str:
    """Write the figures, the time and the data's hash into a recipe's text."""
    recipe = made.run.recipe
    figures = [figure.model_dump(mode="json", exclude_defaults=True) for figure in expected]
    fields: dict[str, Any] = {"metrics": figures, "minutes": round(made.minutes, 1) or 0.1}
    if recipe.data.sha256 is not None and recipe.data.sha256 not in text:
        fields = {"data": recipe.data.model_dump(mode="json", exclude_defaults=True), **fields}
    return with_fields(text, fields)


def _require_licenses(card: Card, recipe: Path) -> None:
    """Refuse, before anything is written, a model whose licenses are not all known."""
    missing = [what for what in ("weights", "code", "data") if what not in card.licenses]
    if missing:
        raise RegistryFileError(
            "A bundled model has a license of its weights, its code and its data",
            received=f"none of its {', '.join(missing)}",
            remedy=f"Add them to `licenses` in {recipe}, such as {missing[0]}: CC0-1.0.",
        )


def _plugins(model: Model) -> dict[str, str]:
    """Give the versions of the plugins whose architectures a model uses, its parts' included."""
    return versions(part.architecture for part in model.modules() if isinstance(part, Model))
