"""A plugin's section for the public index: of an installed distribution, or of a wheel."""

from __future__ import annotations

import configparser
import zipfile
from pathlib import Path
from typing import Any

from zoo_core.errors import OptionError, RegistryFileError, UnknownNameError
from zoo_core.plugins.current import listing
from zoo_core.plugins.distributions import GROUP, normalized
from zoo_core.plugins.yaml_file import LinedDict, parse, read


def section_of(source: str) -> dict[str, Any]:
    """Give what a plugin's registry file says, by its distribution, its namespace or its wheel.

    Raises UnknownNameError for what is not installed, OptionError for a wheel that holds no
    plugin, RegistryFileError for a file that can't be read.
    """
    if source.endswith(".whl"):
        return section_in_wheel(Path(source))
    wanted = normalized(source)
    for plugin in listing().plugins:
        if wanted in (plugin.distribution, plugin.namespace) and plugin.path is not None:
            return _section(read(plugin.path), plugin.path)
    raise UnknownNameError(
        "A plugin is an installed distribution, or a wheel",
        received=repr(source),
        remedy=f"Run: pip install {source}, or give the path of its .whl.",
    )


def section_in_wheel(path: Path) -> dict[str, Any]:
    """Read the registry file that a wheel's entry point names, without installing it."""
    try:
        with zipfile.ZipFile(path) as wheel:
            file = _registry_file(wheel, path)
            return _section(parse(wheel.read(file), f"{path}/{file}"), f"{path}/{file}")
    except (OSError, zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise OptionError("A wheel holds a plugin", received=f"{path}: {error}") from None


def _registry_file(wheel: zipfile.ZipFile, path: Path) -> str:
    """Give the name in a wheel of the file that its entry point names."""
    for name in wheel.namelist():
        if name.count("/") == 1 and name.endswith(".dist-info/entry_points.txt"):
            entries = configparser.ConfigParser(delimiters=("=",), interpolation=None)
            entries.read_string(wheel.read(name).decode())
            values = list(entries[GROUP].values()) if entries.has_section(GROUP) else []
            if len(values) == 1:
                return values[0].replace(":", "/", 1)
    raise OptionError(
        f"A plugin's wheel has one entry point in the group {GROUP}",
        received=path,
        remedy='Write mine = "zoo_plugin_mine:registry.yaml" under the entry points.',
    )


def _section(data: LinedDict, path: str) -> dict[str, Any]:
    plugin = data.get("plugin")
    known = isinstance(plugin, LinedDict) and {"namespace", "distribution"} <= plugin.keys()
    if not known:
        raise RegistryFileError(f"{path}: a plugin's registry file has `plugin`")
    return {key: value for key, value in data.items() if key != "schema"}
