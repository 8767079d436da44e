"""Which recipes are meant: by name, pattern, file, folder or repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from zoo_core.checkpoints.saving import file_hash
from zoo_core.checkpoints.texts import RECIPE, WEIGHTS
from zoo_core.errors import FileNotOnHubError, UnknownNameError
from zoo_core.hub import PREFIX
from zoo_core.loading import locate
from zoo_core.plugins.yaml_file import read
from zoo_core.registry import find, list_models
from zoo_core.registry.registered import RegisteredModel


@final
@dataclass(frozen=True)
class Target:
    """A recipe's file, what it is called, and the sha256 of the weights that it once gave."""

    name: str
    path: Path
    weights: str | None = None


def targets(arguments: Iterable[str]) -> list[Target]:
    """Find the recipes that arguments mean, each once.

    Raises UnknownNameError for a name or pattern that means none.
    """
    found = {target.path.resolve(): target for text in arguments for target in _meant(text)}
    return list(found.values())


def _meant(text: str) -> Iterator[Target]:
    if set("*?[") & set(text):
        yield from _matching(text)
    elif text.startswith(PREFIX):
        yield _on_hub(text)
    elif text.endswith((".yaml", ".yml")) or text.startswith((".", "/", "~")):
        yield _file(Path(text).expanduser())
    else:
        yield _registered(text)


def _matching(pattern: str) -> Iterator[Target]:
    models = [find(summary.name) for summary in list_models(pattern, installed=True)]
    with_recipe = [model for model in models if model.entry.recipe is not None]
    if not with_recipe:
        raise UnknownNameError(
            f"A pattern matches models that have a recipe: {pattern!r}",
            received=f"{len(models)} models without one" if models else "no installed model",
            remedy="See `zoo list`.",
        )
    yield from map(_of_entry, with_recipe)


def _registered(name: str) -> Target:
    model = find(name)
    if model.entry.recipe is None:
        raise UnknownNameError(
            f"{name} has a recipe, if it is to be made again",
            received="an entry without one",
            remedy="Its maker may know how it was made.",
        )
    return _of_entry(model)


def _of_entry(model: RegisteredModel) -> Target:
    recipe, files = str(model.entry.recipe), model.entry.files
    weights = files.get(WEIGHTS)
    sha256 = None if weights is None else weights.sha256
    if recipe in files:
        return Target(model.name, locate(model.name).files[recipe], sha256)
    return Target(model.name, Path(model.path).parent / recipe, sha256)


def _on_hub(reference: str) -> Target:
    located = locate(reference)
    if RECIPE not in located.files:
        raise FileNotOnHubError(
            f"{reference} has a {RECIPE}, if it is to be made again",
            received=", ".join(sorted(located.files)),
        )
    file = located.source.files.get(WEIGHTS)
    return Target(reference, located.files[RECIPE], None if file is None else file.sha256)


def _file(path: Path) -> Target:
    """A recipe beside its model, one of a plugin's package, or one that stands alone."""
    path = path / RECIPE if path.is_dir() else path
    if path.with_name(WEIGHTS).is_file() and path.name == RECIPE:
        return Target(str(path.parent), path, file_hash(path.with_name(WEIGHTS)))
    registry = path.resolve().parent.parent / "registry.yaml"
    if registry.is_file():
        for name, entry in read(str(registry)).get("models", {}).items():
            recipe = entry.get("recipe")
            if recipe is not None and (registry.parent / recipe).resolve() == path.resolve():
                weights = entry.get("files", {}).get(WEIGHTS, {})
                return Target(name, path, weights.get("sha256"))
    return Target(path.stem, path)
