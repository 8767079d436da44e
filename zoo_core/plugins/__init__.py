"""Discovery of plugins, their states, and the calling of their hooks.

Nothing here imports torch, pydantic, huggingface_hub, pluggy or a plugin's code until a hook is
called or a command is loaded.

    installed()          every installed plugin with its state, `core` first
    problems()           what is wrong with the public index and with the user's own files
    commands()           the commands that plugins add to `zoo`
    missing_commands()   those of plugins that the indices know and that can't be used here
    load_command(c)      imports one of them
    versions(names)      distribution -> version of the plugins that hold these architectures
    register_hooks(m)    registers a module's hook implementations for this process
    facade               typed functions that call hooks: train, evaluate, datasets, diagnose, ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.plugins import current
from zoo_core.plugins.commands import commands, load_command, missing_commands
from zoo_core.plugins.finding import Finding, Level
from zoo_core.plugins.names import namespace_of
from zoo_core.plugins.plugin import Command, Plugin, PluginState

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Command",
    "Finding",
    "Level",
    "Plugin",
    "PluginState",
    "commands",
    "installed",
    "load_command",
    "missing_commands",
    "problems",
    "register_hooks",
    "unregister_hooks",
    "versions",
]


def installed() -> list[Plugin]:
    """List every installed plugin with its state, `core` first, then by namespace."""
    return list(current.listing().plugins)


def problems() -> list[Finding]:
    """List what is wrong with the public index and the user's own registry files."""
    return list(current.listing().problems)


def versions(architectures: Iterable[str]) -> dict[str, str]:
    """Give the version of each distribution that holds one of these architectures.

    Architectures that were registered for this process only belong to none.
    """
    plugins = current.listing().by_namespace
    holders = [plugins.get(namespace_of(name)) for name in architectures]
    found = {holder.distribution: holder.version for holder in holders if holder is not None}
    return dict(sorted(found.items()))


def register_hooks(module: object, name: str | None = None) -> None:
    """Register hook implementations for this process: of a module, or of any object.

    Registering under the same name again replaces. Raises HookError where an implementation does
    not fit its specification.
    """
    from zoo_core.plugins.hook_modules import register

    register(module, name)


def unregister_hooks(module: object) -> None:
    """Undo `register_hooks`, given the module or the name."""
    from zoo_core.plugins.hook_modules import unregister

    unregister(module)
