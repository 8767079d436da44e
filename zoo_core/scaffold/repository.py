"""A plugin's repository, rendered by copier."""

from __future__ import annotations

import datetime
import importlib
import json
import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Any, final

from packaging.version import Version

from zoo_core import API_VERSION, __version__
from zoo_core.errors import PluginError, UnsupportedError
from zoo_core.scaffold.plugin_name import PluginName

DEFAULT_SUMMARY = "My generative models."
_TEMPLATE = Path(__file__).parent / "template"
_LONGEST = 200


@final
class License(StrEnum):
    """The licenses whose texts the template has."""

    APACHE = "Apache-2.0"
    MIT = "MIT"
    BSD = "BSD-3-Clause"


def make_repository(
    name: PluginName, parent: Path, *, author: str, license: License, summary: str
) -> Path:
    """Write the repository of a new plugin as a folder of `parent`; give its path.

    It is rendered elsewhere and moved there when it is whole, so that an error leaves nothing.
    Raises PluginError for a folder that isn't empty or a text that is no single line,
    UnsupportedError without copier.
    """
    folder = parent / name.distribution
    _refuse_full(parent, folder)
    answers = _answers(name, _line("author", author), license, _line("summary", summary))
    run_copy = _copier()
    with tempfile.TemporaryDirectory(prefix=".zoo-plugin-", dir=parent) as place:
        rendered = Path(place) / "rendered"
        run_copy(str(_TEMPLATE), rendered, data=answers, defaults=True, quiet=True)
        if folder.is_dir():
            folder.rmdir()
        os.rename(rendered, folder)
    return folder


def core_range(version: str) -> str:
    """Give the range of zoo-core that a plugin made with this version asks for.

    A minor release before 1.0, and a major one after it, may change the plugin API.
    """
    v = Version(version)
    lower = version if v.is_prerelease else f"{v.major}.{v.minor}"
    upper = f"{v.major + 1}" if v.major else f"0.{v.minor + 1}"
    return f">={lower},<{upper}"


def _answers(name: PluginName, author: str, license: License, summary: str) -> dict[str, Any]:
    return {
        "distribution": name.distribution,
        "package": name.package,
        "namespace": name.namespace,
        "author": author,
        "author_quoted": _quoted(author),
        "license": license.value,
        "summary": summary,
        "summary_quoted": _quoted(summary),
        "year": datetime.date.today().year,
        "api": API_VERSION,
        "core_version": __version__,
        "core_range": core_range(__version__),
    }


def _refuse_full(parent: Path, folder: Path) -> None:
    if not parent.is_dir():
        raise PluginError("The plugin's folder is made in one that is there", received=parent)
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise PluginError(
            "A new plugin's folder is new, or empty",
            received=f"{folder}, which isn't",
            remedy="Choose another name, or another place by --folder.",
        )


def _line(what: str, text: str) -> str:
    """Check a text that goes into files of several formats."""
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST:
        raise PluginError(
            f"The {what} is one line of at most {_LONGEST} characters", received=repr(text[:50])
        )
    return text.strip()


def _quoted(text: str) -> str:
    """Quote a printable line for TOML and YAML, whose quoted strings JSON's are a part of."""
    return json.dumps(text, ensure_ascii=False)


def _copier() -> Any:
    try:
        return importlib.import_module("copier").run_copy
    except ImportError:
        raise UnsupportedError(
            "A new plugin is rendered by copier, which is not installed",
            remedy="Run: pip install 'zoo-core[author]'",
        ) from None
