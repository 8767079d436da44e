"""What `install`, `uninstall` and `restore` share: options, the question, the run, the outcome."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from zoo_core.cli.endings import note
from zoo_core.cli.tables import in_terminal

if TYPE_CHECKING:
    from zoo_core.installing import Action, Options

Function = TypeVar("Function", bound=Callable[..., Any])


def in_person() -> bool:
    """Whether a person can answer."""
    return sys.stdin.isatty()


def asking_options(function: Function) -> Function:
    """Add --yes and --dry-run."""
    click.option("--dry-run", is_flag=True, help="Print the command that would run, only.")(
        function
    )
    click.option("--yes", "-y", is_flag=True, help="Don't ask.")(function)
    return function


def source_options(function: Function) -> Function:
    """Add the options that say where wheels come from; pip and uv take them as they are."""
    click.option("--no-index", is_flag=True, help="Look for wheels in --find-links only.")(function)
    click.option(
        "--find-links", metavar="PLACE", multiple=True, help="Look for wheels in this folder too."
    )(function)
    click.option(
        "--constraint",
        "-c",
        "constraints",
        metavar="FILE",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False),
        help="Keep to the versions in this file.",
    )(function)
    return function


def carry_out(
    ctx: click.Context,
    action: Action,
    command: Sequence[str],
    distributions: Sequence[str],
    *,
    yes: bool,
    dry_run: bool,
) -> None:
    """Show the command, ask, run it, and say what came of it.

    Raises InstallationError where the environment isn't the user's to change. Exits with 1 where
    the command failed or an installed plugin isn't usable.
    """
    from zoo_core import installing

    environment = installing.Environment.here()
    environment.check(action, distributions)
    for remark in environment.remarks():
        note(remark)
    if dry_run:
        click.echo(shlex.join(command))
        return
    note(f"runs: {shlex.join(command)}")
    if in_person() and not yes:
        click.confirm("Shall it run?", default=True, abort=True, err=True)
    status = installing.run(command)
    if status != 0:
        note(f"it ended with {status}; see above.")
        ctx.exit(1)
    if action is installing.Action.INSTALL:
        ctx.exit(0 if _tell_states(distributions) else 1)


def install_command(arguments: Sequence[str], options: Options) -> list[str]:
    """Give the command that installs. Raises InstallationError where there is no installer."""
    from zoo_core.installing import Installer

    return Installer.found().install(arguments, options)


def _tell_states(distributions: Sequence[str]) -> bool:
    """Say of each plugin whether the zoo can use it now."""
    import importlib

    from zoo_core import plugins

    importlib.invalidate_caches()
    here = {plugin.distribution: plugin for plugin in plugins.installed()}
    usable = True
    for name in distributions:
        plugin = here.get(name)
        if plugin is not None and plugin.ok:
            if in_terminal():
                click.echo(f"{plugin.namespace}: {plugin.models} models; see `zoo list`.")
            continue
        usable = False
        cause = "it brings no plugin." if plugin is None else f"{plugin.state}: {plugin.cause}"
        note(f"{name} is installed, but {cause} {(plugin and plugin.remedy) or ''}")
    return usable
