"""Hook modules: imported when a hook that they declare is called, and never earlier."""

from __future__ import annotations

import logging
from functools import cache
from types import ModuleType
from typing import NamedTuple

from zoo_core.errors import PluginError
from zoo_core.hooks.implementations import HookSource, Implementation, implementation, ordered
from zoo_core.hooks.names import HOOKS
from zoo_core.plugins.current import listing
from zoo_core.plugins.importing import import_module
from zoo_core.plugins.plugin import Plugin

_log = logging.getLogger(__name__)
_registered: dict[str, HookSource] = {}
_IN_MEMORY = "this process"
_read = cache(implementation)
"""An installed module doesn't change: reading it again took a fiftieth of loading a model."""


class Answering(NamedTuple):
    """Who answers a hook, and whose module or function could not be used."""

    implementations: list[Implementation]
    failures: list[PluginError]


def register(module: object, name: str | None = None) -> None:
    """Register the implementations of a module, or of any object, for this process."""
    source = HookSource(_IN_MEMORY, module, name or _name_of(module))
    for hook in HOOKS:
        implementation(hook, source)
    _registered[source.name] = source


def unregister(module: object) -> None:
    """Undo `register`, given the module or the name."""
    for name, source in list(_registered.items()):
        if source.module is module or name == module:
            del _registered[name]


def answering(hook: str) -> Answering:
    """Give the implementations of a hook: this process's own, then by namespace."""
    found: list[tuple[Implementation, int]] = []
    failures: list[PluginError] = []
    for source in reversed(_registered.values()):
        own = implementation(hook, source)
        found += [] if own is None else [own]
    for plugin in listing().plugins:
        if hook in plugin.hooks:
            try:
                found.append(_of_plugin(hook, plugin))
            except PluginError as error:
                _log.warning("%s", error)
                failures.append(error)
    return Answering(ordered(found), failures)


def _of_plugin(hook: str, plugin: Plugin) -> tuple[Implementation, int]:
    name = plugin.hook_module or ""
    module = import_module(name, plugin.distribution)
    source = HookSource(plugin.distribution, module, name, plugin.namespace)
    found = _read(hook, source)
    if found is None:
        raise PluginError(
            f"{name} of {plugin.distribution} implements {hook}, as its registry file says",
            received="no such function with @hookimpl",
            remedy=f"Update it: pip install -U {plugin.distribution}.",
        )
    return found


def _name_of(module: object) -> str:
    if isinstance(module, ModuleType | type):
        return module.__name__
    return f"{type(module).__qualname__} object"
