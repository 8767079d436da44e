"""Which rows a model is measured on: those that are named, or those that it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, final

import click

from zoo_core.checkpoints.texts import CARD, RECIPE
from zoo_core.cli.endings import note
from zoo_core.config import thaw
from zoo_core.errors import RegistryError
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.interfaces.documents import Documents
from zoo_core.interfaces.space import Space
from zoo_core.loading import Located, locate
from zoo_core.plugins import facade
from zoo_core.plugins.yaml_file import read
from zoo_core.registry import ModelInfo, info
from zoo_plugin_evaluation.readme import head_of

_OF_ITS_OWN = ("draws", "length")
"""What is said of a model's own data alone: other texts of tokens are read whole."""
_FIELDS = {each.name for each in fields(DataRequest)} - {"split"}


@final
@dataclass(frozen=True)
class DataChoice:
    """A reference to data, how they are read, and the hash that they should have.

    `trained` is the split that the model was trained on: `all` where no rows were kept apart.
    """

    reference: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    sha256: str | None = None
    trained: Split = Split.TRAIN

    @property
    def tested(self) -> Split:
        """The split that stands for the data."""
        return Split.ALL if self.trained is Split.ALL else Split.TEST

    def open(self, split: Split, space: Space) -> Dataset:
        """Open a split as rows of a space; says so where they aren't the rows of the hash."""
        told = {key: value for key, value in self.fields.items() if key in _FIELDS}
        if split is not Split.TRAIN:
            told.pop("draws", None)
        told["space"] = told.get("space") or space
        dataset = facade.open_data(self.reference, DataRequest(split=split, **told))
        if self.sha256 is not None and dataset.sha256 != self.sha256:
            note(f"warning: {self.reference} has changed since the model was trained on it.")
        return dataset

    def reading(self, **changed: Any) -> DataChoice:
        """Read otherwise; what is empty or None stays as it is."""
        kept = {name: value for name, value in changed.items() if value}
        return replace(self, fields={**self.fields, **kept})


def choice_of(text: str | None, ref: str) -> tuple[DataChoice, Split]:
    """Choose the data named `text`, or the model's own, and the split that stands for them.

    Files that are not the model's own are read as its own are, and whole: they have no rows that
    it was trained on. Raises UsageError where none are named and none are known.
    """
    own = own_data(ref)
    if text is None or (own is not None and own.reference == text):
        if own is None:
            raise click.UsageError(f"what {ref} was trained on isn't known; give --data REF")
        return own, own.tested
    if text in facade.datasets():
        return DataChoice(text), Split.TEST
    if own is None:
        return DataChoice(text), Split.ALL
    kept = {name: value for name, value in own.fields.items() if name not in _OF_ITS_OWN}
    return DataChoice(text, kept), Split.ALL


def own_data(ref: str) -> DataChoice | None:
    """Find what a model was trained on: by its recipe, its registry entry, or its card."""
    located, entry = locate(ref), _entry(ref)
    recipe = _recipe(located, entry)
    if recipe is not None:
        return _of_recipe(recipe)
    name = None if entry is None else entry.fields.get("dataset")
    if name is None and CARD in located.files:
        name = _of_card(located.files[CARD])
    return None if name is None else DataChoice(str(name))


def _entry(ref: str) -> ModelInfo | None:
    try:
        found = info(ref)
    except RegistryError:
        return None  # A folder, or a repository of the Hub.
    return found if isinstance(found, ModelInfo) else None


def _recipe(located: Located, entry: ModelInfo | None) -> Path | None:
    if RECIPE in located.files:
        return located.files[RECIPE]
    named = None if entry is None else entry.fields.get("recipe")
    beside = None if entry is None or named is None else Path(entry.path).parent / str(named)
    return beside if beside is not None and beside.is_file() else None


def _of_recipe(path: Path) -> DataChoice | None:
    told = read(str(path)).get("data")
    if not isinstance(told, Mapping) or "name" not in told:
        return None
    plain: dict[str, Any] = {k: thaw(v) for k, v in told.items() if k in _FIELDS and v is not None}
    for name in ("condition", "columns"):
        if name in plain:
            plain[name] = tuple(plain[name])
    if "documents" in plain:
        plain["documents"] = Documents(plain["documents"])
    if "space" in plain:
        plain["space"] = Space.parse(plain["space"])
    sha256 = told.get("sha256")
    trained = Split(str(told.get("split", Split.TRAIN)))
    return DataChoice(str(told["name"]), plain, None if sha256 is None else str(sha256), trained)


def _of_card(path: Path) -> str | None:
    named = head_of(path.read_text("utf-8")).get("datasets")
    return str(named[0]) if isinstance(named, list) and named else None
