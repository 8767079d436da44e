"""Recipes as YAML files: read strictly, written plainly, changed without touching the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from zoo_core.checkpoints.saving import file_hash
from zoo_core.checkpoints.texts import MANIFEST, RECIPE, Manifest, parse_manifest
from zoo_core.errors import ConfigError
from zoo_core.plugins.yaml_file import read
from zoo_core.registry.emission import emit
from zoo_plugin_training.recipe import Recipe

_KEY = re.compile(r"^([A-Za-z_]\w*):", re.MULTILINE)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe. Raises RegistryFileError for what is no YAML, ConfigError for other fields."""
    fields = read(str(path), "a recipe")
    version = fields.get("recipe")
    if version != 1:
        raise ConfigError(
            f"{path} is a recipe, which says `recipe: 1`",
            received="no such line" if version is None else f"recipe: {version}",
            remedy="Upgrade zoo-plugin-training for a later format." if version else None,
        )
    try:
        return Recipe.parse(fields)
    except ConfigError as error:
        raise ConfigError(
            f"{path}: {error.rule}", received=error.received, remedy=error.remedy
        ) from None


def recipe_text(recipe: Recipe) -> str:
    """Write a recipe, what is at its default left out but the seed."""
    kept = recipe.model_dump(mode="json", exclude_defaults=True)
    fields = {**recipe.to_json(), **kept}
    return emit({key: fields[key] for key in fields if key in kept or key == "seed"})


def write_whole(path: Path, text: str) -> None:
    """Write a text file beside its place and rename it, so that no half of it is ever there."""
    beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Change a recipe's text; inside a saved model its hash in the manifest changes with it."""
    write_whole(path, text)
    place = path.with_name(MANIFEST)
    if path.name != RECIPE or not place.is_file():
        return
    manifest = parse_manifest(place.read_bytes(), str(path.parent))
    if RECIPE in manifest.files:
        files = {**manifest.files, RECIPE: file_hash(path)}
        write_whole(place, Manifest(files, manifest.card).to_bytes().decode())


def with_fields(text: str, fields: Mapping[str, Any]) -> str:
    """Replace top-level fields of a recipe's text; comments between fields stay.

    A field that isn't there is added at the end; one whose value is None is taken out.
    """
    for key, value in fields.items():
        written = "" if value is None else emit({key: value})
        text = _replaced(text, key, written)
    return text


def _replaced(text: str, key: str, written: str) -> str:
    found = next((match for match in _KEY.finditer(text) if match[1] == key), None)
    if found is None:
        return text if not written else text.rstrip("\n") + "\n" + written
    following = re.compile(r"^(?=[^\s-])", re.MULTILINE).search(text, found.end())
    end = len(text) if following is None else following.start()
    return text[: found.start()] + written + text[end:]
