"""The commands that plugins add to `zoo`."""

from __future__ import annotations

from zoo_core.plugins.current import listing
from zoo_core.plugins.importing import import_target
from zoo_core.plugins.listing import commands_of
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


def missing_commands() -> dict[str, Command]:
    """Give the commands, by name, of plugins that the indices know and that can't be used here."""
    current, found = listing(), dict[str, Command]()
    for header in current.headers:
        offer = current.offers.get(header.id)
        if offer is None or offer.plugin is not None or offer.distribution is None:
            continue
        for command in commands_of(header, offer.distribution):
            found.setdefault(command.name, command)
    return found


def load_command(command: Command) -> object:
    """Import a plugin's command; raises PluginError naming the distribution and the cause."""
    return import_target(command.target, command.distribution)
