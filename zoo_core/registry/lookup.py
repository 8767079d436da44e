"""Finding one entry by its name."""

from __future__ import annotations

from pathlib import Path

from zoo_core.errors import PluginError
from zoo_core.plugins.current import listing
from zoo_core.plugins.names import namespace_of
from zoo_core.plugins.plugin import Plugin
from zoo_core.registry.offers import Offers
from zoo_core.registry.records import ModelInfo
from zoo_core.registry.registered import RegisteredModel
from zoo_core.registry.schema import ModelEntry
from zoo_core.registry.unknown import plugin_error, unknown_name
from zoo_core.registry.validation import validated


def find(name: str) -> RegisteredModel:
    """Give the validated entry of a model, by name or alias."""
    found = Offers().model(name)
    if found is None:
        raise unknown_name(name, "model")
    if not found.installed:
        error = plugin_error(str(found.fields["architecture"]), f"architecture of {name},")
        raise plugin_error(name, "model") or error or unknown_name(name, "model")
    entry = validated(found)
    plugin = listing().by_namespace.get(namespace_of(found.name))
    _check_requirement(found, entry)
    return RegisteredModel(
        name=found.name,
        entry=entry,
        distribution=found.distribution,
        version=None if plugin is None else plugin.version,
        bundled=_bundled(found, entry, plugin),
        path=found.path,
        line=found.line,
    )


def _bundled(found: ModelInfo, entry: ModelEntry, plugin: Plugin | None) -> Path | None:
    """Bundled files lie beside the registry file: in the plugin's package, or a user's folder."""
    if entry.sources.bundled is None:
        return None
    beside = plugin.folder if plugin is not None else None
    folder = Path(beside or Path(found.path).parent) / entry.sources.bundled
    return folder if entry.sources.hub is None or folder.is_dir() else None


def _check_requirement(found: ModelInfo, entry: ModelEntry) -> None:
    """Refuse a model that needs a newer plugin than the one that is here."""
    if entry.requires is None:
        return
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.version import InvalidVersion

    try:
        required = Requirement(entry.requires)
        plugin = _installed(required.name)
        good = plugin is not None and required.specifier.contains(plugin.version, prereleases=True)
    except (InvalidRequirement, InvalidVersion):
        return
    if not good:
        raise PluginError(
            f"The model {found.name} needs {entry.requires}",
            received="no such plugin" if plugin is None else f"version {plugin.version}",
            remedy=f"Run: pip install -U '{entry.requires}'",
        )


def _installed(distribution: str) -> Plugin | None:
    from zoo_core.plugins.distributions import normalized

    wanted = normalized(distribution)
    return next((p for p in listing().plugins if p.ok and p.distribution == wanted), None)
