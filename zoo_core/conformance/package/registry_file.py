"""Promises of the registry file, and of the files that it names."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from zoo_core import registry
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.package.package import Package, is_plugin
from zoo_core.conformance.package.refusal import refuse
from zoo_core.errors import ConformanceError
from zoo_core.plugins.finding import Level
from zoo_core.plugins.names import namespace_of

_COMMIT = re.compile(r"[0-9a-f]{40}")


@check(claimed=is_plugin)
def registry_file_included(package: Package) -> None:
    """The registry file is in the wheel, at the place that the entry point names."""
    try:
        package.registry_path.stat()
    except Skip as skip:
        raise ConformanceError(
            f"The wheel holds {package.entry_point.value.replace(':', '/')}",
            received="no such file",
            remedy="Put it into the package's folder, and let the build take it along.",
        ) from skip


@check(claimed=is_plugin)
def registry_file_is_valid(package: Package) -> None:
    """The registry file keeps to the full schema, as `zoo registry check` finds."""
    found = registry.check(package.registry_path)
    errors = [str(one) for one in found if one.level is Level.ERROR]
    refuse("The registry file keeps to the schema", errors, "`zoo registry check` shows it too.")


@check(claimed=is_plugin)
def registry_file_names_its_own(package: Package) -> None:
    """The registry file is of this plugin: it names the distribution and the namespace."""
    plugin = package.registry.get("plugin")
    said = plugin if isinstance(plugin, dict) else {}
    found = said.get("distribution"), said.get("namespace")
    wanted = package.name, package.entry_point.name
    if found != wanted:
        raise ConformanceError(
            f"The registry file names {' and '.join(wanted)}/",
            received=" and ".join(map(str, found)),
        )


@check(claimed=is_plugin)
def names_within_namespace(package: Package) -> None:
    """Every name of a model, an alias or an architecture begins with the plugin's namespace."""
    models = package.entries("models")
    names = [*package.entries("architectures"), *models]
    names += [str(alias) for entry in models.values() for alias in entry.get("aliases") or ()]
    namespace = package.entry_point.name
    refuse(
        f"A plugin's names begin with {namespace}/",
        [name for name in names if namespace_of(name) != namespace],
        "Another namespace is another distribution's.",
    )


@check(claimed=is_plugin)
def weights_match(package: Package) -> None:
    """Bundled weights are in the wheel, each file with the size and the sha256 of its entry."""
    wrong: list[str] = []
    for name, entry in package.entries("models").items():
        folder = _sources(entry).get("bundled")
        files = entry.get("files")
        # Where the Hub has them too, the wheel may leave them out altogether.
        if folder is None or not isinstance(files, dict):
            continue
        places = {file: package.files.get(package.beside(f"{folder}/{file}")) for file in files}
        if "hub" in _sources(entry) and not any(places.values()):
            continue
        wrong += [f"{name}: {file} {why}" for file, why in _wrong(places, files)]
    refuse(
        "A bundled file is in the wheel with the size and hash of its entry",
        wrong,
        "Write the entry with `zoo registry add`, and let the build take the folder along.",
    )


@check(claimed=is_plugin)
def hub_commits_are_pinned(package: Package) -> None:
    """Weights on the Hub are of one commit, by its 40 digits; a branch or a tag may move."""
    hubs = {n: _sources(entry).get("hub") for n, entry in package.entries("models").items()}
    revisions = {n: hub.get("revision") for n, hub in hubs.items() if isinstance(hub, dict)}
    refuse(
        "A `revision` is a commit of 40 hexadecimal digits",
        [f"{n}: {r}" for n, r in revisions.items() if not _COMMIT.fullmatch(str(r))],
        "`zoo push` prints the entry with its pin.",
    )


@check(claimed=is_plugin)
def recipes_included(package: Package) -> None:
    """A recipe that a model names is in the wheel, or among the model's own files."""
    named = {
        n: entry["recipe"] for n, entry in package.entries("models").items() if "recipe" in entry
    }
    files = {n: entry.get("files") or () for n, entry in package.entries("models").items()}
    refuse(
        "The recipe that a model names is there",
        [
            f"{name}: {recipe}"
            for name, recipe in named.items()
            if package.beside(str(recipe)) not in package.files and recipe not in files[name]
        ],
        "Let the build take the recipes along.",
    )


def _sources(entry: dict[str, Any]) -> dict[str, Any]:
    found = entry.get("sources")
    return found if isinstance(found, dict) else {}


def _wrong(places: dict[str, Path | None], files: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, path in places.items():
        promised = files[name] if isinstance(files[name], dict) else {}
        if path is None:
            found.append((name, "isn't there"))
        elif path.stat().st_size != promised.get("size"):
            found.append((name, f"has {path.stat().st_size} bytes, not {promised.get('size')}"))
        elif hashlib.sha256(path.read_bytes()).hexdigest() != promised.get("sha256"):
            found.append((name, "has another sha256"))
    return found


CHECKS = (
    registry_file_included,
    registry_file_is_valid,
    registry_file_names_its_own,
    names_within_namespace,
    weights_match,
    hub_commits_are_pinned,
    recipes_included,
)
