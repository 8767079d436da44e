"""Which registry file is meant: a plugin's own, the user's, or a public index in a clone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import final

from zoo_core.errors import OptionError, RegistryFileError
from zoo_core.plugins.current import listing
from zoo_core.plugins.user_files import user_files, user_folder
from zoo_core.plugins.yaml_file import LinedDict, parse, read
from zoo_core.registry.rewriting import text_of

FILE = "registry.yaml"
PROJECT = "pyproject.toml"
_EMPTY = "schema: 1\n"


@final
class FileKind(StrEnum):
    """Whose a registry file is."""

    PLUGIN = "plugin"
    USER = "user"
    INDEX = "index"


@final
@dataclass(frozen=True)
class RegistryPlace:
    """A registry file as it is now; `namespace` is a plugin's, None in the others."""

    path: Path
    text: str
    data: LinedDict
    kind: FileKind
    namespace: str | None

    @classmethod
    def of(cls, path: Path) -> RegistryPlace:
        """Read a file; one that isn't there is a user's, and empty. Raises RegistryFileError."""
        text = text_of(path) if path.exists() else _EMPTY
        data = parse(text.encode(), str(path))
        plugin = data.get("plugin")
        if "plugins" in data:
            return cls(path, text, data, FileKind.INDEX, None)
        if "plugin" not in data:
            return cls(path, text, data, FileKind.USER, None)
        namespace = plugin.get("namespace") if isinstance(plugin, LinedDict) else None
        if not isinstance(namespace, str):
            raise RegistryFileError(f"{path} says the plugin's namespace", received="none")
        return cls(path, text, data, FileKind.PLUGIN, namespace)


def nearest_file(folder: Path) -> Path:
    """Give the registry file of the plugin that a folder is in, else the user's own.

    The user's need not be there yet. Raises what `plugin_file` raises.
    """
    found = plugin_file(folder)
    if found is not None:
        return found
    own = user_files()
    return Path(own[0]) if own else Path(user_folder()) / "own.yaml"


def plugin_file(folder: Path) -> Path | None:
    """Look for a plugin's registry file in a folder and those above, up to the first project.

    Of a project its packages are searched too. Raises OptionError where there are several.
    """
    for place in _upwards(folder):
        here = [place / FILE]
        if (place / PROJECT).is_file():
            here += [*place.glob(f"*/{FILE}"), *place.glob(f"src/*/{FILE}")]
        found = [path for path in sorted(here) if path.is_file() and _has(path, "plugin")]
        if len(found) > 1:
            raise OptionError(
                "One registry file is meant",
                received=", ".join(map(str, found)),
                remedy="Name it by its path.",
            )
        if found:
            return found[0]
    return None


def index_file(folder: Path) -> Path:
    """Look for an index of plugins in a folder and those above. Raises OptionError."""
    for place in _upwards(folder):
        path = place / FILE
        if path.is_file() and _has(path, "plugins"):
            return path
    raise OptionError(
        "A plugin's section goes into the registry.yaml of a clone of the zoo's repository",
        received=f"no index of plugins in {folder} or above it",
        remedy="Go into the clone, or name the file: --to FILE.",
    )


def source_file(plugin: str) -> Path:
    """Give the registry file in a plugin's source, by a folder of it or by its namespace.

    Raises OptionError where there is none, or only an installed copy, which an update replaces.
    """
    folder = Path(plugin).expanduser()
    if folder.is_dir():
        found = plugin_file(folder)
        if found is None:
            raise OptionError(f"A plugin's source has a {FILE}", received=f"none in {folder}")
        return found
    known = next((p for p in listing().plugins if p.namespace == plugin and p.path), None)
    if known is None or known.path is None:
        raise OptionError(
            "A plugin is a folder of its source, or the namespace of an installed one",
            received=repr(plugin),
            remedy="`zoo plugins` shows those that are installed.",
        )
    if any(part in ("site-packages", "dist-packages") for part in Path(known.path).parts):
        raise OptionError(
            "Commits are pinned in a plugin's source",
            received=f"an installed copy, {known.path}",
            remedy="Give the folder of its source.",
        )
    return Path(known.path)


def _upwards(folder: Path) -> Iterator[Path]:
    """List a folder and those above it, up to the first that is a project."""
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        yield place
        if (place / PROJECT).is_file() or (place / ".git").exists():
            return


def _has(path: Path, key: str) -> bool:
    try:
        return key in read(str(path))
    except RegistryFileError:
        # A broken file in the usual place is the one that was meant, and its error is told.
        return path.name == FILE and key in path.read_text(encoding="utf-8", errors="replace")
