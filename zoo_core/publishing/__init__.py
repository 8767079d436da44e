"""Save a model as a folder, or push it to the Hub."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from zoo_core.checkpoints.card import Card, Metric
from zoo_core.checkpoints.native_saving import save_native
from zoo_core.checkpoints.saving import save_folder
from zoo_core.checkpoints.texts import RECIPE, read_text
from zoo_core.checkpoints.wrapping import Wrapping, edited_card
from zoo_core.errors import PluginMissingError, UnknownNameError
from zoo_core.hub.reference import HubReference
from zoo_core.interfaces import late
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.wrapped import refuse_wrapped
from zoo_core.loading import Located, locate
from zoo_core.plugins import versions
from zoo_core.publishing.comparing import compare
from zoo_core.publishing.native import native_writer
from zoo_core.publishing.pushing import Pushed, upload

__all__ = ["Card", "Metric", "Pushed", "push", "save"]


def save(
    model: Model,
    folder: str | os.PathLike[str],
    *,
    format: str | None = None,
    card: Card | None = None,
    recipe: str | None = None,
) -> Path:
    """Save a model as a folder that `zoo.load("./folder")` loads; gives the folder.

    It is written beside and renamed; a saved model that is there is replaced as a whole, but a
    README.md that a person has edited is kept. `recipe` is the text of a recipe.yaml, which then
    goes wherever the model goes. `format` is another library's, such as "transformers", which
    then loads the folder without the zoo; `zoo.load` does too. Raises CheckpointError where the
    folder holds anything else, TensorError for tensors that aren't what the configuration builds,
    UnsupportedError for a model that can't be saved in the format.
    """
    place = Path(folder).expanduser()
    text = None if recipe is None else recipe.encode()
    plugins = _plugins(model)
    _save(model, place, Wrapping(card or Card(), plugins=plugins, recipe=text, format=format))
    return place


def _save(model: Model, folder: Path, wrapping: Wrapping) -> None:
    if wrapping.format is None:
        save_folder(model, folder, wrapping)
    else:
        save_native(model, folder, native_writer(model, wrapping.format), wrapping)


def push(
    model: Model | str | os.PathLike[str],
    repo: str,
    *,
    private: bool = False,
    tag: str | None = None,
    format: str | None = None,
    card: Card | None = None,
) -> Pushed:
    """Push a model to `owner/repo` on the Hub: one commit, and a tag where one is given.

    A reference that `zoo.load` takes may stand for the model; a folder's README.md that a person
    has edited goes along, and so does its recipe.yaml. The model is saved, loaded back strictly
    and compared, samples included, before anything is sent. A README.md that a person has edited
    on the Hub stays as it is. `format` is another library's, as for `save`. Gives the commit and
    the registry entry to add. Raises HubError's children.
    """
    reference = HubReference(repo, tag or "main")
    ref = str(reference) if tag is not None else f"hf://{repo}"
    card = card or Card()
    readme = recipe = None
    if not isinstance(model, Model):
        located = locate(model)
        model, readme = located.open(), _edited_readme(located)
        recipe = _recipe(located)
    plugins = _plugins(model)
    with tempfile.TemporaryDirectory(prefix="zoo-push-") as place:
        folder = Path(place) / repo.rpartition("/")[2]
        wrapping = Wrapping(card, ref, plugins, readme=readme, recipe=recipe, format=format)
        _save(model, folder, wrapping)
        compare(model, locate(folder).open(device=model.device))
        return upload(model, folder, reference, private=private, tag=tag, card=card)


def _edited_readme(located: Located) -> bytes | None:
    """Give the card of a folder of this machine where a person has edited it."""
    here = located.pin is None and bool(located.files)
    return edited_card(located.folder) if here else None


def _recipe(located: Located) -> bytes | None:
    """Give the recipe.yaml beside a model, its bytes verified."""
    file = located.source.files.get(RECIPE)
    return None if file is None else read_text(file)


def _plugins(model: Model) -> dict[str, str]:
    """Give the versions of the plugins whose architectures a model uses, its parts' included.

    Raises PluginMissingError for a class that isn't registered, UnsupportedError for a wrapped
    module: they couldn't be loaded again.
    """
    refuse_wrapped(model)
    used = {part.architecture: type(part) for part in model.modules() if isinstance(part, Model)}
    for name, part in used.items():
        try:
            known = late.architecture(name)
        except UnknownNameError:
            known = None
        if known is not part:
            raise PluginMissingError(
                "A saved model's architectures are registered, or it could not be loaded again",
                received=f"{part.__qualname__}, which calls itself {name!r}",
                remedy=f"Call zoo.register({part.__name__}), or list it in a plugin.",
            )
    return dict(sorted(versions(used).items()))
