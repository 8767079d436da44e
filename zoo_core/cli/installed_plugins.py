"""zoo plugins"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zoo_core.cli.command import json_option
from zoo_core.cli.endings import note
from zoo_core.cli.lazy_group import Entry, LazyGroup
from zoo_core.cli.tables import in_terminal, show_json, show_table

if TYPE_CHECKING:
    from zoo_core.plugins import Plugin


COMMANDS = {
    "new": Entry("plugin_making", "Start a plugin of your own: a whole repository that works."),
    "verify": Entry("plugin_verifying", "Check what a plugin's models and its wheel promise."),
    "install": Entry("plugin_installing", "Install a plugin by its namespace or distribution."),
    "uninstall": Entry("plugin_uninstalling", "Uninstall a plugin."),
    "freeze": Entry("plugin_freezing", "Write down the installed plugins and their versions."),
    "restore": Entry("plugin_restoring", "Install the plugins that `freeze` wrote down."),
}


@click.group(
    "plugins",
    cls=LazyGroup,
    entries=COMMANDS,
    examples=["zoo plugins", "zoo plugins --json", "zoo plugins verify flows"],
    invoke_without_command=True,
)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show, start, check, install plugins.

    Without a command: the installed plugins and their states.

    A state is ok, disabled (by ZOO_DISABLE or ZOO_PLUGINS), incompatible (written for another
    plugin API), broken, conflict (two claim one namespace) or shadowed (the namespace is
    another's); the cause and the remedy follow. Into a pipe go tab-separated lines: namespace,
    state, distribution, version, number of models, summary or cause.
    """
    if ctx.invoked_subcommand is not None:
        return
    from zoo_core import plugins

    found = plugins.installed()
    if as_json:
        show_json([_fields(plugin) for plugin in found])
    else:
        show_table(
            ("namespace", "state", "distribution", "version", "models", "about"),
            [
                (p.namespace, p.state, p.distribution, p.version, _models(p), _about(p, short))
                for p in found
                for short in [in_terminal() and not p.ok]
            ],
        )
        if in_terminal():
            for plugin in found:
                if not plugin.ok:
                    click.echo(f"{plugin.distribution}: {plugin.cause} {plugin.remedy or ''}")
    for problem in plugins.problems():
        note(str(problem))


def _fields(plugin: Plugin) -> dict[str, Any]:
    fields = plugin._asdict() | {"commands": [command._asdict() for command in plugin.commands]}
    del fields["section"]  # The compiled index's own number.
    return fields


def _models(plugin: Plugin) -> str:
    """Count the models; a person is told where those of a format are, which no entry lists."""
    from zoo_core.registry import list_formats

    if plugin.models or not in_terminal():
        return str(plugin.models)
    return "Hub" if any(f.namespace == plugin.namespace for f in list_formats()) else "0"


def _about(plugin: Plugin, short: bool) -> str:
    if short:
        return "(see below)"
    if plugin.ok:
        return plugin.summary
    return " ".join(filter(None, (plugin.cause, plugin.remedy)))
