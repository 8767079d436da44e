"""Architectures: from a name to its class, imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.errors import DefinitionError, PluginError
from zoo_core.plugins.importing import import_target
from zoo_core.registry import memory
from zoo_core.registry.offers import Offers
from zoo_core.registry.records import ArchitectureInfo
from zoo_core.registry.unknown import plugin_error, unknown_name

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model

# A class that has been checked, by what was checked: what which file says of it.
_checked: dict[tuple[str, str, tuple[str, ...], str], type[Model]] = {}


def resolve(name: str) -> type[Model]:
    """Give the class of an architecture.

    What this process registered comes first, then registry files, then what plugins register by
    hook. Raises UnknownNameError with the closest names, PluginMissingError with the `pip
    install` command, PluginError naming the distribution and the cause where its plugin is not
    ok, can't be imported, or holds another class than it claims.
    """
    found = memory.registered(name)
    if found is not None:
        return found
    listed = Offers().architecture(name)
    if listed is None:
        return _from_hooks(name)
    if not listed.installed:
        raise plugin_error(name, "architecture") or unknown_name(name, "architecture")
    return _from_file(listed)


def _from_file(listed: ArchitectureInfo) -> type[Model]:
    key = (listed.name, listed.target, listed.provides, listed.path)
    if key not in _checked:
        distribution = listed.distribution or listed.path
        found = import_target(listed.target, distribution)
        _checked[key] = _agreeing(found, listed, distribution)
    return _checked[key]


def _agreeing(found: object, listed: ArchitectureInfo, distribution: str) -> type[Model]:
    from zoo_core.registry.classes import check_claims, checked_class

    try:
        model = checked_class(found)
    except DefinitionError as error:
        raise PluginError(
            f"{listed.target} of {distribution} is a model class",
            received=error,
            remedy=f"Update it: pip install -U {distribution}.",
        ) from error
    check_claims(model, listed.name, listed.provides, listed.target, distribution)
    return model


def _from_hooks(name: str) -> type[Model]:
    from zoo_core.registry.dynamic import registered_by_hooks

    found = registered_by_hooks(name)
    if found is None:
        raise unknown_name(name, "architecture")
    return found
