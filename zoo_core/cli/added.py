"""The commands that plugins add, and those that they would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo_core.errors import PluginError, PluginMissingError

if TYPE_CHECKING:
    from zoo_core.plugins import Command


def added() -> dict[str, Command]:
    """Give the plugins' commands, by name."""
    from zoo_core import plugins

    return plugins.commands()


def load_added(name: str) -> click.Command | None:
    """Import a plugin's command. Raises PluginError where that fails; None for no such name."""
    from zoo_core import plugins

    command = plugins.commands().get(name)
    if command is None:
        return None
    loaded = plugins.load_command(command)
    if not isinstance(loaded, click.Command):
        raise PluginError(
            f"{command.target} of {command.distribution} is a click command",
            received=type(loaded).__name__,
            remedy=f"Update it: pip install -U {command.distribution}.",
        )
    return loaded


def refuse_known(name: str) -> None:
    """Raise for a command of a known plugin: what to install, or what is wrong with it."""
    from zoo_core import plugins

    command = plugins.missing_commands().get(name)
    if command is None:
        return
    for plugin in plugins.installed():
        if plugin.distribution == command.distribution:
            raise PluginError(
                f"`zoo {name}` is a command of {plugin.distribution}, which is {plugin.state}: "
                f"{plugin.cause}",
                remedy=plugin.remedy,
            )
    raise PluginMissingError(
        f"`zoo {name}` is a command of {command.distribution}, which is not installed",
        remedy=f"Install it: pip install {command.distribution}",
    )
