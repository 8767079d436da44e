"""zoo plugins install"""

from __future__ import annotations

import click

from zoo_core.cli.command import ZooCommand
from zoo_core.cli.installations import (
    asking_options,
    carry_out,
    install_command,
    source_options,
)


@click.command(
    "install",
    cls=ZooCommand,
    examples=[
        "zoo plugins install flows",
        "zoo plugins install 'zoo-plugin-mine>=0.2' --constraint constraints.txt",
        "zoo plugins install dist/zoo_plugin_mine-0.1.0-py3-none-any.whl --yes",
    ],
)
@click.argument("names", metavar="NAME|DIST...", nargs=-1, required=True)
@click.option("--upgrade", "-U", is_flag=True, help="Take the newest versions.")
@source_options
@asking_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    upgrade: bool,
    constraints: tuple[str, ...],
    find_links: tuple[str, ...],
    no_index: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Install a plugin by its namespace or distribution.

    NAME is a namespace of the public index, DIST a requirement or the path of a wheel. The pip of
    the running interpreter installs it, or uv where there is no pip; the command is shown first.
    An environment that pipx, uv or the system manages is left alone, with what to run instead.

    This is the only way in which the zoo installs anything: loading a model never does, whatever
    its registry entry says.
    """
    from zoo_core.installing import Action, Options, requirement

    wanted = [requirement(name) for name in names]
    options = Options(constraints, find_links, no_index, upgrade)
    line = install_command([one.argument for one in wanted], options)
    distributions = [one.distribution for one in wanted]
    carry_out(ctx, Action.INSTALL, line, distributions, yes=yes, dry_run=dry_run)
