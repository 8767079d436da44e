"""The commands that plugins add to `zoo`."""

from __future__ import annotations

from zoo_core.plugins.current import listing
from zoo_core.plugins.importing import import_target
from zoo_core.plugins.plugin import Command


def commands() -> dict[str, Command]:
    """Give the commands that plugins in the state ok add to `zoo`, by name.

    A name that two distributions claim is given to neither.
    """
    found: dict[str, list[Command]] = {}
    for plugin in listing().plugins:
        for command in plugin.commands:
            found.setdefault(command.name, []).append(command)
    return {name: rivals[0] for name, rivals in sorted(found.items()) if len(rivals) == 1}


def load_command(command: Command) -> object:
    """Import a plugin's command; raises PluginError naming the distribution and the cause."""
    return import_target(command.target, command.distribution)
