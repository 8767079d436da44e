"""Catalogue: every check of a package, what needs only its files first."""

from __future__ import annotations

from zoo_core.conformance.check import Check
from zoo_core.conformance.package import contents, imports, metadata, processes, registry_file
from zoo_core.conformance.package.package import Package

_THEMES = (metadata, contents, registry_file, imports, processes)


def package_checks() -> tuple[Check[Package], ...]:
    """Give every check of a package, cheap and basic ones first."""
    return tuple(check for theme in _THEMES for check in theme.CHECKS)
