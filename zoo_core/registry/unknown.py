"""The errors of a name that can't be used: unknown, of a missing plugin, of one that is not ok."""

from __future__ import annotations

from zoo_core.errors import PluginError, PluginMissingError, UnknownNameError, ZooError
from zoo_core.plugins.current import listing
from zoo_core.plugins.names import hub_reference, namespace_of
from zoo_core.plugins.plugin import Plugin
from zoo_core.registry.search import closest


def plugin_error(name: str, what: str) -> ZooError | None:
    """Make the error of a name whose namespace has no usable plugin; None if it has one."""
    current, namespace = listing(), namespace_of(name)
    if namespace in current.by_namespace:
        return None
    unusable = [plugin for plugin in current.plugins if plugin.namespace == namespace]
    if unusable:
        return _not_ok(name, what, unusable[0])
    owner = current.owners.get(namespace)
    if owner is None:
        return None
    rule = f"The {what} {name} is in {owner}, which is not installed"
    return PluginMissingError(rule, remedy=f"Run: pip install {owner}")


def _not_ok(name: str, what: str, plugin: Plugin) -> PluginError:
    return PluginError(
        f"The {what} {name} needs the plugin {plugin.distribution}, which is {plugin.state}",
        received=(plugin.cause or plugin.state).rstrip("."),
        remedy=plugin.remedy or "Take it out of ZOO_DISABLE, or put it in ZOO_PLUGINS.",
    )


def unknown_name(name: str, what: str) -> ZooError:
    """Make the error of a name that nothing here answers to, with the closest ones."""
    error = plugin_error(name, what)
    if error is not None:
        return error
    near = closest(name)
    remedy = f"Did you mean {' or '.join(near)}?" if near else "`zoo list` shows what there is."
    current = listing()
    known = {*current.by_namespace, *current.owners}
    reference = None if namespace_of(name) in known else hub_reference(name)
    if reference is not None:
        remedy += f" A repository of the Hub is written {reference}."
    elif not near and "/" not in name:
        remedy += " A folder is written with a slash or dot in front, a Hub repository hf://…."
    return UnknownNameError(f"The registry has no {what} {name!r}", remedy=remedy)
