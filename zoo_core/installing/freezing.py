"""Freezing: the installed plugins as pins in a requirements file, and such a file read."""

from __future__ import annotations

import json
import platform
import re
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from zoo_core import __version__
from zoo_core.errors import InstallationError
from zoo_core.installing.requirement import Wanted, requirement
from zoo_core.plugins import installed

_CORE = "zoo-core"
_COMMENT = re.compile(r"(^|\s)#.*")


def frozen() -> str:
    """Write the installed plugins, whatever their state, as a requirements file.

    One that was installed from a folder, an address or a repository is a comment, because its
    version isn't what makes it the same.
    """
    plugins = {plugin.distribution for plugin in installed()} - {_CORE}
    lines = [
        f"# The plugins of a zoo, with zoo-core {__version__} on Python "
        f"{platform.python_version()}.",
        "# `zoo plugins restore FILE` installs exactly these.",
        *map(_line, sorted(plugins)),
    ]
    return "".join(f"{line}\n" for line in lines)


def pins(path: Path) -> list[Wanted]:
    """Read what `frozen` wrote. Raises InstallationError for a line that is no plain pin."""
    found: list[Wanted] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        text = _COMMENT.sub("", line).strip()
        if text:
            _check_pin(text, f"{path}:{number}")
            found.append(requirement(text))
    if not found:
        raise InstallationError(f"{path} pins plugins", received="no pin")
    return found


def _line(distribution: str) -> str:
    metadata = Distribution.from_name(distribution)
    text = metadata.read_text("direct_url.json")
    if text is None:
        return f"{distribution}=={metadata.version}"
    origin = json.loads(text)
    editable = origin.get("dir_info", {}).get("editable", False)
    what = "an editable installation of" if editable else "installed from"
    return (
        f"# {distribution} {metadata.version} is {what} {origin.get('url', 'somewhere')}: "
        "install it again from there."
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InstallationError(f"{path} is a text file", received=error) from error


def _check_pin(text: str, place: str) -> None:
    if not _is_pin(text):
        raise InstallationError(
            f"{place} is a pin such as zoo-plugin-flows==0.1.0",
            received=repr(text),
            remedy="Options, ranges and addresses are for `zoo plugins install`.",
        )


def _is_pin(text: str) -> bool:
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return False
    versions = [(one.operator, one.version.endswith(".*")) for one in parsed.specifier]
    return versions == [("==", False)] and parsed.url is None and parsed.marker is None
