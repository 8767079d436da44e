"""`zoo registry check --online`: a registry file against the Hub and the package index."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from zoo_core.errors import HubError, PluginError, ZooError
from zoo_core.hub.listing import Listing, ask
from zoo_core.hub.reference import HubReference
from zoo_core.hub.upload import read_file
from zoo_core.plugins.finding import Finding, Level
from zoo_core.plugins.yaml_file import LinedDict, read
from zoo_core.publishing.package_index import released
from zoo_core.publishing.sections import section_in_wheel
from zoo_core.registry.index_editing import first_third_party_line
from zoo_core.registry.ownership import check_listed
from zoo_core.registry.schema import ModelEntry


def check_online(path: str | os.PathLike[str]) -> list[Finding]:
    """Compare a valid registry file with what is published.

    The Hub has each pinned file, with its size and hash. The distribution is released, and what
    it `requires` too; a third party's section in an index is the one in the released wheel. For a
    plugin's own file, which comes before its release, these are warnings. Raises
    RegistryFileError for a file that can't be read.
    """
    place = os.fspath(path)
    data = read(place)
    begin = first_third_party_line(Path(place).read_text(encoding="utf-8"))
    found: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder:
        for section in data.get("plugins", [data]):
            found += _check_models(place, section)
            if "plugins" not in data and "plugin" in section:
                found += check_listed(place, section["plugin"])
            if section.get("plugin") and section.line >= begin:
                release = _Release(place, section, Path(folder), "plugins" in data)
                found += release.findings()
    return found


def _check_models(path: str, section: LinedDict) -> Iterator[Finding]:
    for name, entry in section.get("models", {}).items():
        hub = entry["sources"].get("hub")
        if hub is None:
            continue
        try:
            reference = HubReference(hub["repo"], hub["revision"])
            listed = ask(reference)
            problems = list(_differences(ModelEntry.model_validate(entry), reference, listed))
        except HubError as error:
            yield Finding(f"{name}: {error}", path, entry.line_of("sources"))
            continue
        for file, problem in problems:
            line = entry["files"].line_of(file)
            yield Finding(f"{name}: {file} of {reference} {problem}.", path, line)


def _differences(
    entry: ModelEntry, reference: HubReference, listed: Listing
) -> Iterator[tuple[str, str]]:
    """List the files that are others on the Hub; small ones, which it gives no sha256, are read."""
    for name, promised in entry.files.items():
        there = listed.files.get(name)
        if there is None:
            yield name, "is not there"
        elif there.size != promised.size:
            yield name, f"has {there.size} bytes, not {promised.size}"
        else:
            data = b"" if there.sha256 else read_file(reference.repo, listed, name)
            found = there.sha256 or hashlib.sha256(data).hexdigest()
            if found != promised.sha256:
                yield name, f"has the sha256 {found}"


@final
@dataclass(frozen=True)
class _Release:
    """A plugin's section, beside what is released of its distribution."""

    path: str
    section: LinedDict
    folder: Path
    in_index: bool

    def findings(self) -> Iterator[Finding]:
        """Report what is not released, and a section that the released wheel doesn't have."""
        plugin = self.section["plugin"]
        try:
            wheel = released(plugin["distribution"], self.folder)
        except PluginError as error:
            message = f"no wheel of it is on the package index: {error.received}."
            yield self._finding(message, plugin.line_of("distribution"))
            return
        yield from self._requirements(wheel)
        if self.in_index:
            yield from self._other_section(wheel)

    def _finding(self, message: str, line: int) -> Finding:
        level = Level.ERROR if self.in_index else Level.WARNING
        return Finding(message, self.path, line, level)

    def _requirements(self, wheel: Path) -> Iterator[Finding]:
        own, version, *_ = parse_wheel_filename(wheel.name)
        seen: dict[str, str | None] = {}
        for name, entry in self.section.get("models", {}).items():
            text = entry.get("requires")
            if text is None:
                continue
            known = Requirement(text)
            if known.name == own and known.specifier.contains(version, prereleases=True):
                continue
            if text not in seen:
                seen[text] = self._problem(text)
            if seen[text] is not None:
                yield self._finding(f"{name}: {seen[text]}", entry.line_of("requires"))

    def _problem(self, requirement: str) -> str | None:
        try:
            released(requirement, self.folder)
        except PluginError as error:
            return f"{requirement} is not on the package index: {error.received}."
        return None

    def _other_section(self, wheel: Path) -> Iterator[Finding]:
        """Who releases a distribution says what its section is; nobody else can."""
        line = self.section.line
        try:
            published: dict[str, Any] = section_in_wheel(wheel)
        except ZooError as error:
            yield self._finding(str(error), line)
            return
        if published != self.section:
            remedy = f"Run: zoo registry add --plugin {wheel.name}"
            message = f"this section is not the one in {wheel.name}, as it is released."
            yield Finding(message, self.path, line, Level.ERROR, remedy)
