"""zoo plugins"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.tables import in_terminal, show_json, show_table

if TYPE_CHECKING:
    from zoo_core.plugins import Plugin


@click.command("plugins", cls=ZooCommand, examples=["zoo plugins", "zoo plugins --json"])
@json_option
def command(as_json: bool) -> None:
    """Show the installed plugins and their states.

    A state is ok, disabled (by ZOO_DISABLE or ZOO_PLUGINS), incompatible (written for another
    plugin API), broken, conflict (two claim one namespace) or shadowed (the namespace is
    another's); the cause and the remedy follow. Into a pipe go tab-separated lines: namespace,
    state, distribution, version, number of models, summary or cause.
    """
    from zoo_core import plugins

    found = plugins.installed()
    if as_json:
        show_json([_fields(plugin) for plugin in found])
    else:
        show_table(
            ("namespace", "state", "distribution", "version", "models", "about"),
            [
                (p.namespace, p.state, p.distribution, p.version, str(p.models), _about(p, short))
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


def _about(plugin: Plugin, short: bool) -> str:
    if short:
        return "(see below)"
    if plugin.ok:
        return plugin.summary
    return " ".join(filter(None, (plugin.cause, plugin.remedy)))
