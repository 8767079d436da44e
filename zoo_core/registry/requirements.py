"""Whether any version can satisfy what an entry `requires`."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from zoo_core.plugins.finding import Finding
from zoo_core.plugins.yaml_file import LinedDict


def check_requirements(path: str, section: LinedDict) -> Iterator[Finding]:
    """Report models that require what no version can be, such as `>=2,<1`."""
    models = section.get("models")
    for name, entry in models.items() if isinstance(models, LinedDict) else ():
        required = entry.get("requires") if isinstance(entry, LinedDict) else None
        if isinstance(required, str) and not _satisfiable(required):
            message = f"{name}: no version is {required}."
            yield Finding(message, path, entry.line_of("requires"))


def _satisfiable(text: str) -> bool:
    """Try the versions at, just above and just below each bound: a set has one, or none at all."""
    try:
        specifiers = Requirement(text).specifier
    except InvalidRequirement:
        return True  # The schema's finding.
    candidates = ["0", *(c for s in specifiers for c in _near(s.version.removesuffix(".*")))]
    return any(_is_in(candidate, specifiers) for candidate in candidates)


def _near(version: str) -> list[str]:
    return [version, f"{version}.0.0.0.1", f"{version}.post1", f"{version}.dev0", f"{version}rc1"]


def _is_in(candidate: str, specifiers: SpecifierSet) -> bool:
    try:
        return specifiers.contains(Version(candidate), prereleases=True)
    except InvalidVersion:
        return False
