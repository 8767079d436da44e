"""zoo plugins restore"""

from __future__ import annotations

from pathlib import Path

import click

from zoo_core.cli.command import ZooCommand
from zoo_core.cli.installations import (
    asking_options,
    carry_out,
    install_command,
    source_options,
)


@click.command(
    "restore",
    cls=ZooCommand,
    examples=["zoo plugins restore plugins.txt", "zoo plugins restore plugins.txt --dry-run"],
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@source_options
@asking_options
@click.pass_context
def command(
    ctx: click.Context,
    file: str,
    constraints: tuple[str, ...],
    find_links: tuple[str, ...],
    no_index: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Install the plugins that `freeze` wrote down.

    Every line of FILE is a pin, such as zoo-plugin-flows==0.1.0, or a comment; a file with
    anything else is refused whole. Plugins that FILE doesn't name stay.
    """
    from zoo_core.installing import Action, Options, pins

    wanted = pins(Path(file))
    options = Options(constraints, find_links, no_index)
    line = install_command([one.argument for one in wanted], options)
    distributions = [one.distribution for one in wanted]
    carry_out(ctx, Action.INSTALL, line, distributions, yes=yes, dry_run=dry_run)
