"""zoo plugins uninstall"""

from __future__ import annotations

from collections.abc import Sequence

import click

from zoo_core.cli.command import ZooCommand
from zoo_core.cli.endings import note
from zoo_core.cli.installations import asking_options, carry_out

_SHOWN = 10


@click.command(
    "uninstall",
    cls=ZooCommand,
    examples=["zoo plugins uninstall flows", "zoo plugins uninstall zoo-plugin-mine --dry-run"],
)
@click.argument("names", metavar="NAME|DIST...", nargs=-1, required=True)
@asking_options
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Uninstall a plugin.

    NAME is its namespace, DIST its distribution. The models that can't be loaded afterwards are
    named first. What the plugin depends on stays.
    """
    from zoo_core.installing import Action, Installer, installed_plugin

    plugins = {plugin.distribution: plugin for plugin in map(installed_plugin, names)}
    for plugin in plugins.values():
        _tell_loss(plugin.namespace)
    line = Installer.found().uninstall(list(plugins))
    carry_out(ctx, Action.UNINSTALL, line, list(plugins), yes=yes, dry_run=dry_run)


def _tell_loss(namespace: str) -> None:
    from zoo_core.registry import list_architectures, list_models

    models = [m.name for m in list_models() if m.architecture.startswith(f"{namespace}/")]
    architectures = [one.name for one in list_architectures(f"{namespace}/*", installed=True)]
    for what, found in (("models", models), ("architectures", architectures)):
        if found:
            note(f"{what} that go away: {_named(found)}.")


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
