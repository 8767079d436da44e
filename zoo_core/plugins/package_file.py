"""The file inside a package that an entry point names, found without importing the package."""

from __future__ import annotations

import importlib.util
import os

from zoo_core.errors import PluginError


def locate(value: str) -> str:
    """Give the path of the file that "package:file" names.

    Only the top-level package is looked for: finding a dotted one would import its parent.
    Raises PluginError where the value, the package or the file is not to be found.
    """
    package, _, file = value.partition(":")
    if not (package.isascii() and package.isidentifier() and is_safe(file)):
        raise PluginError(
            "A zoo.plugins entry point names a top-level package and a file in it",
            received=repr(value),
            remedy='Write e.g. flows = "zoo_plugin_flows:registry.yaml".',
        )
    for folder in _folders(package):
        path = os.path.join(folder, *file.split("/"))
        if os.path.isfile(path):
            return os.path.abspath(path)
    raise PluginError(
        f"The package {package} holds the file {file}",
        received="no such file",
        remedy="Its build must put the file in the wheel; install it again.",
    )


def is_safe(file: str) -> bool:
    """Say whether a file's name stays inside its folder on every system."""
    parts = file.split("/")
    return "\\" not in file and ":" not in file and not {"", ".", ".."} & set(parts)


def _folders(package: str) -> list[str]:
    try:
        spec = importlib.util.find_spec(package)
    except Exception as error:  # a stranger's finder may raise anything
        raise PluginError(
            f"The package {package} can be found", received=f"{type(error).__name__}: {error}"
        ) from error
    if spec is None:
        raise PluginError(
            f"The package {package} is importable",
            received="no such package on sys.path",
            remedy="Install the distribution again.",
        )
    if spec.submodule_search_locations is None:
        raise PluginError(f"{package} is a package", received="a single module")
    return list(spec.submodule_search_locations)
