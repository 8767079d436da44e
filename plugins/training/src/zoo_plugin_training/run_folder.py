"""The folder of a run: what is where, and whether it may be written to."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from zoo_core.errors import CheckpointError
from zoo_core.interfaces.model import Model
from zoo_core.publishing import Card, save
from zoo_plugin_training.recipe import Recipe
from zoo_plugin_training.recipe_file import read_recipe, recipe_text, write_whole


@final
@dataclass(frozen=True)
class RunFolder:
    """recipe.yaml, checkpoints/, metrics.jsonl, samples/ and model/ in one folder."""

    path: Path

    @property
    def recipe_path(self) -> Path:
        """All that was asked, resolved."""
        return self.path / "recipe.yaml"

    @property
    def model_path(self) -> Path:
        """The saved model, once training has ended."""
        return self.path / "model"

    @property
    def begun(self) -> bool:
        """Whether a run was begun here."""
        return self.recipe_path.is_file()

    def recipe(self) -> Recipe:
        """Read the recipe of the run. Raises CheckpointError where none was begun here."""
        if not self.begun:
            raise CheckpointError(
                f"A run is resumed in its folder, which has a {self.recipe_path.name}",
                received=f"{self.path}, which has none",
                remedy="Begin one: zoo train ARCHITECTURE --data REF --out FOLDER.",
            )
        return read_recipe(self.recipe_path)

    def begin(self, recipe: Recipe) -> None:
        """Write the recipe into the folder, which is made where it isn't there."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.recipe_path, recipe_text(recipe))

    def abandon(self) -> None:
        """Leave no run behind that has nothing to go on from: what was wrong can be mended."""
        if (self.path / "checkpoints").is_dir() or self.model_path.exists():
            return
        for path in (self.recipe_path, self.path / "metrics.jsonl"):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def refuse_full(self) -> None:
        """Raise CheckpointError for a folder that holds anything."""
        if self.path.is_dir() and not any(self.path.iterdir()):
            return
        if self.path.exists() or self.path.is_symlink():
            remedy = f"Go on with it by `zoo train --resume --out {self.path}`, or choose"
            raise CheckpointError(
                "A run begins in a new folder, or an empty one",
                received=f"{self.path}, which holds "
                + ("a run" if self.begun else "something else"),
                remedy=f"{remedy} another folder." if self.begun else "Choose another folder.",
            )

    def save_model(self, model: Model, recipe: Recipe) -> Path:
        """Save the trained model with its recipe; gives its folder."""
        card = Card(
            title=recipe.summary or recipe.architecture,
            licenses=_licenses(recipe),
            dataset=Path(recipe.data.name).name,
            tags=recipe.tags,
            citation=recipe.citation,
        )
        return save(model, self.model_path, card=card, recipe=recipe_text(recipe))

    def write_history(self, history: Iterable[Mapping[str, float]]) -> None:
        """Write the figures of a model that fits itself, an entry a line."""
        lines = [json.dumps(dict(entry)) for entry in history]
        write_whole(self.path / "metrics.jsonl", "".join(f"{line}\n" for line in lines))


def _licenses(recipe: Recipe) -> dict[str, str]:
    found = {} if recipe.licenses is None else recipe.licenses.to_json()
    return {what: name for what, name in found.items() if name}
