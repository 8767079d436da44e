"""Package: a plugin's distribution under test, unpacked from its wheel or installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError
from pathlib import Path
from typing import Any, final

from zoo_core.conformance.check import Skip
from zoo_core.errors import PluginError, RegistryFileError, UnknownNameError
from zoo_core.plugins.distributions import GROUP, normalized
from zoo_core.plugins.package_file import locate
from zoo_core.plugins.yaml_file import LinedDict, read


@final
class Package:
    """A distribution: its files by their names in the wheel, its metadata, its registry file.

    `built` says that these are the files of a wheel and nothing else; an installation has files
    that its installer made, and an editable one has the author's working tree.
    """

    def __init__(
        self, distribution: Distribution, files: Mapping[str, Path], *, built: bool
    ) -> None:
        self.distribution = distribution
        self.files = files
        self.built = built

    @property
    def name(self) -> str:
        """The distribution's name, as indices compare it."""
        return normalized(self.distribution.name)

    def stated(self, field: str) -> list[str]:
        """Give what the metadata state under a field, which may stand more than once."""
        return [str(value) for value in self.distribution.metadata.get_all(field) or ()]

    @cached_property
    def entry_points(self) -> tuple[EntryPoint, ...]:
        """The entry points of the group `zoo.plugins`."""
        return tuple(self.distribution.entry_points.select(group=GROUP))

    @property
    def entry_point(self) -> EntryPoint:
        """The one that names the registry file. Raises Skip where there isn't one."""
        if len(self.entry_points) != 1:
            raise Skip("no single entry point names the registry file")
        return self.entry_points[0]

    @property
    def top(self) -> str:
        """The name of the package that the entry point names. Raises Skip where none does."""
        return self.entry_point.value.partition(":")[0]

    @property
    def registry_path(self) -> Path:
        """Where the registry file is. Raises Skip where there is none."""
        package, _, file = self.entry_point.value.partition(":")
        path = self.files.get(f"{package}/{file}")
        if path is None:
            raise Skip("there is no registry file")
        return path

    @cached_property
    def registry(self) -> LinedDict:
        """The registry file as plain data. Raises Skip where it can't be read."""
        try:
            return read(str(self.registry_path))
        except RegistryFileError as error:
            raise Skip("the registry file can't be read") from error

    def entries(self, key: str) -> dict[str, dict[str, Any]]:
        """Give the `architectures` or the `models` of the registry file, such as are mappings."""
        found = self.registry.get(key)
        items = found.items() if isinstance(found, dict) else ()
        return {name: entry for name, entry in items if isinstance(entry, dict)}

    def beside(self, name: str) -> str:
        """Give the name in the wheel of a file beside the registry file."""
        package, _, file = self.entry_point.value.partition(":")
        folder = f"{package}/{file}".rpartition("/")[0]
        return f"{folder}/{name}"


def is_plugin(package: Package) -> bool:
    """Claim to be a plugin; zoo-core, which brings the core's own models, is none."""
    return package.name != "zoo-core"


def is_built(package: Package) -> bool:
    """Claim to be a plugin's wheel."""
    return package.built and is_plugin(package)


def unpacked(folder: Path) -> Package:
    """Take a folder that a wheel was unpacked into. Raises PluginError where it was none."""
    found = sorted(folder.glob("*.dist-info"))
    if len(found) != 1 or not (found[0] / "METADATA").is_file():
        raise PluginError(
            "A wheel has the metadata of one distribution",
            received=", ".join(one.name for one in found) or "none",
            remedy="Build it with `python -m build`.",
        )
    return Package(Distribution.at(found[0]), _under(folder, folder), built=True)


def installed(name: str) -> Package:
    """Take an installed distribution. Raises UnknownNameError where it isn't."""
    try:
        distribution = Distribution.from_name(name)
    except PackageNotFoundError:
        raise UnknownNameError(
            f"There is a distribution {name}", received="none that is installed"
        ) from None
    recorded = {
        path.as_posix(): Path(str(path.locate()))
        for path in distribution.files or ()
        if ".." not in path.parts and "__pycache__" not in path.parts
    }
    if is_editable(distribution) or not recorded:
        recorded = {n: p for n, p in recorded.items() if ".dist-info/" in n} | _tree(distribution)
    return Package(distribution, recorded, built=False)


def is_editable(distribution: Distribution) -> bool:
    """Say whether an installation is the author's working tree (PEP 610)."""
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    return bool(origin.get("dir_info", {}).get("editable"))


def _tree(distribution: Distribution) -> dict[str, Path]:
    """List the package's files where the record doesn't: in an editable installation."""
    found: dict[str, Path] = {}
    for entry_point in distribution.entry_points.select(group=GROUP):
        try:
            path = Path(locate(entry_point.value))
        except PluginError:
            continue
        root = path.parents[entry_point.value.count("/") + 1]
        found |= _under(root / entry_point.value.partition(":")[0], root)
    return {name: path for name, path in found.items() if "__pycache__" not in path.parts}


def _under(folder: Path, root: Path) -> dict[str, Path]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): path for path in paths}
