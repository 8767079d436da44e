"""Writing a model in another library's format, by the plugin that knows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zoo_core.errors import PluginMissingError, UnsupportedError, ZooError
from zoo_core.interfaces.model import Model
from zoo_core.plugins import facade
from zoo_core.registry import list_formats


def native_writer(model: Model, format: str) -> Callable[[Path], None]:
    """Give what writes a model into an empty folder in a format.

    It raises UnsupportedError for an unknown format, or for a model that can't be written in it;
    PluginMissingError where the plugin that knows it isn't here.
    """

    def write(folder: Path) -> None:
        if not facade.write(model, format, folder):
            raise _unwritten(model, format)

    return write


def _unwritten(model: Model, format: str) -> ZooError:
    known = list_formats()
    found = next((one for one in known if one.name == format), None)
    if found is None:
        names = ", ".join(dict.fromkeys(one.name for one in known)) or "none"
        return UnsupportedError(
            f"`format` is one of another library's that a plugin writes: {names}",
            received=repr(format),
            remedy="Leave it out for the zoo's own.",
        )
    if not found.installed and found.install is not None:
        return PluginMissingError(
            f"The format {format} is written by {found.distribution}, which is not installed",
            remedy=f"Run: {found.install}",
        )
    return UnsupportedError(
        f"A model that is saved in the format {format} is one that {found.distribution} writes, "
        f"such as those of {found.namespace}/",
        received=model.architecture,
        remedy="Leave `format` out: the zoo's own takes every model.",
    )
