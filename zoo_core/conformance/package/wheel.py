"""A wheel, unpacked without being installed."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from zoo_core.errors import PluginError

_REMEDY = "Build it with `python -m build`."


@contextmanager
def unpacking(wheel: Path) -> Iterator[Path]:
    """Give a folder that holds a wheel's files for a while. Raises PluginError for no wheel."""
    with TemporaryDirectory(prefix="zoo-wheel-", ignore_cleanup_errors=True) as place:
        folder = Path(place).resolve() / "site"
        try:
            with zipfile.ZipFile(wheel) as archive:
                _check_names(wheel, archive.namelist())
                archive.extractall(folder)
        except (OSError, zipfile.BadZipFile) as error:
            raise PluginError(
                f"{wheel} is a wheel, which is a zip file", received=error, remedy=_REMEDY
            ) from error
        yield folder


def _check_names(wheel: Path, names: list[str]) -> None:
    """Refuse names that leave the folder, and one that stands twice."""
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
            rule = f"A name in {wheel.name} stays inside of its folder, on every system"
            raise PluginError(rule, received=repr(name), remedy=_REMEDY)
    twice = (
        {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()
    )
    if twice:
        rule = f"A name stands once in {wheel.name}"
        raise PluginError(rule, received=", ".join(sorted(twice)), remedy=_REMEDY)
